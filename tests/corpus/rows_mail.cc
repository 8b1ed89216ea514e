// Rows of mail itself: encodings, types, and structures that some readers take apart and others do not.
#include "tests/corpus/containers.h"
#include "tests/corpus/mime.h"
#include "tests/corpus/rows.h"
#include "tests/corpus/zip.h"
#include "tests/support/messages.h"

namespace evermilter::corpus {
namespace {

const std::string kSecond =
    "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment; filename=a.txt\r\n\r\n";

std::string marked_zip() {
    ZipMember member;
    member.name = "marker.txt";
    member.content = marked_member(false).content;
    return zip_archive({member});
}

std::string whole(const Entity& entity, const std::string& more = "") {
    return test::ordinary_headers() + "MIME-Version: 1.0\r\n" + more + entity.text();
}

// A multipart of a text and a base64 attachment that holds the marker, written exactly as given.
std::string parted(const std::string& type, const std::string& delimiter, const std::string& last,
                   const std::string& more_headers = "") {
    return test::ordinary_headers() + "MIME-Version: 1.0\r\n" + type + "\r\n" + more_headers + "\r\n" + delimiter +
           "\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSee the "
           "file.\r\n" +
           delimiter + "\r\n" + kSecond + test::base64(marked_member(false).content) + last + "\r\n";
}

void add_encodings(Rows& rows) {
    const std::string text = "Something.\r\n" + marker() + "\r\n";
    const struct {
        const char* name;
        std::string content;
        Expect expect;
    } contents[] = {{"nothing in it", "Something.\r\nAnything.\r\n", Expect::clean}, {"ordinary", text, Expect::found}};
    for (const auto& [name, content, expect] : contents) {
        const auto row = [&rows, expect = expect, name = name](const std::string& how, const std::string& mail) {
            rows.add_mail("mail/" + how + ", " + name, mail, expect);
        };
        for (const Encoding encoding :
             {Encoding::seven_bit, Encoding::eight_bit, Encoding::quoted_printable, Encoding::base64}) {
            const Entity part = leaf("text/plain; charset=us-ascii", content, encoding);
            row(encoding_name(encoding), whole(part));
            row(std::string(encoding_name(encoding)) + " in a multipart", whole(multipart("mixed", "b", {part, part})));
            row(std::string(encoding_name(encoding)) + ", forwarded",
                whole(multipart("mixed", "b", {part, enclosed({test::ordinary_headers() + part.headers, part.body})})));
        }
        row("uuencoded in the text", whole({"", "See:\r\n\r\n" + uuencoded(content, "a.txt")}));
        row("uuencoded part", whole({"Content-Transfer-Encoding: x-uuencode\r\n", uuencoded(content, "a.txt")}));
        row("BinHex part", whole(multipart("mixed", "b",
                                           {{"Content-Type: application/mac-binhex40; name=\"a.hqx\"\r\n",
                                             binhex(content, "a.txt")}})));
        std::string box;
        for (int number = 0; number < 3; ++number)
            box += "From a@example.org Fri Nov 20 09:36:00 2026\r\n" +
                   whole(leaf("text/plain", number == 2 ? content : "x\r\n", Encoding::base64)) + "\r\n";
        rows.add(std::string("mbox/") + name, "a.mbox", box, expect);
        rows.add(std::string("eml/") + name, "a.eml", whole(leaf("text/plain", content, Encoding::base64)), expect);
    }
    Entity nested = leaf("text/plain", text, Encoding::base64);
    for (unsigned depth = 1; depth <= 40; ++depth) {
        nested = multipart("mixed", "b" + std::to_string(depth), {nested});
        if (depth == 3 || depth == 10 || depth == 40)
            rows.add_mail("mail/multiparts nested " + std::to_string(depth) + " times", whole(nested));
    }
    Entity mail = {whole(leaf("text/plain", text, Encoding::base64)), ""};
    for (unsigned depth = 1; depth <= 30; ++depth) {
        const std::string inner = mail.body.empty() ? mail.headers : mail.text();
        mail = {test::ordinary_headers() + "Content-Type: message/rfc822\r\n", inner};
        if (depth == 2 || depth == 5 || depth == 10 || depth == 30)
            rows.add_mail("mail/mails nested " + std::to_string(depth) + " times", mail.text());
    }
    std::vector<Entity> many(300, leaf("text/plain", "part\r\n", Encoding::base64));
    many.push_back(leaf("application/octet-stream; name=a", text, Encoding::base64));
    rows.add_mail("mail/many parts/behind", whole(multipart("mixed", "b", many)));
    rows.add_mail("mail/long headers", test::ordinary_headers() + "X-Long: " + std::string(300000, 'x') + "\r\n" +
                                           leaf("text/plain", text, Encoding::base64).text());
}

void add_types(Rows& rows) {
    const std::string text = marked_member(false).content;
    const Entity part = leaf("application/octet-stream; name=\"a.txt\"", text, Encoding::base64);
    const std::string fragment = part.text().substr(0, part.text().size() / 2);
    for (const std::string where : {"at the top", "in a multipart"}) {
        const auto row = [&](const std::string& name, const std::string& type, const std::string& body) {
            const Entity entity = {"Content-Type: " + type + "\r\n", body};
            rows.add_mail("mail/" + name + "/" + where,
                          whole(where == "at the top" ? entity : multipart("mixed", "b", {part, entity})),
                          where == "at the top" ? Expect::never_clean : Expect::found);
        };
        row("message/partial, the first", "message/partial; id=\"a@b\"; number=1; total=2",
            test::ordinary_headers() + fragment);
        row("message/partial, the last", "message/partial; id=\"a@b\"; number=2; total=2",
            part.text().substr(fragment.size()));
        row("message/external-body", "message/external-body; access-type=URL; url=\"http://example.org/a\"",
            "Content-Type: application/octet-stream\r\n\r\n");
        row("message/unknown", "message/x-evermilter", test::ordinary_headers() + part.text());
        row("message/global", "message/global", test::ordinary_headers() + part.text());
        row("message/rfc822, base64", "message/rfc822\r\nContent-Transfer-Encoding: base64",
            test::base64(test::ordinary_headers() + part.text()));
        row("application/pkcs7-mime, enveloped",
            "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
            "Content-Transfer-Encoding: base64",
            test::base64(std::string("\x30\x82\x02\x58\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03") +
                         test::noise(585, 1)));
        row("PGP message in the text", "text/plain",
            "-----BEGIN PGP MESSAGE-----\r\n\r\n" + test::base64(test::noise(600, 1)) +
                "-----END PGP MESSAGE-----\r\n");
    }
    rows.add_mail("mail/multipart/encrypted",
                  whole(multipart("encrypted; protocol=\"application/pgp-encrypted\"", "b",
                                  {{"Content-Type: application/pgp-encrypted\r\n", "Version: 1\r\n"},
                                   {"Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n",
                                    "-----BEGIN PGP MESSAGE-----\r\n\r\n" + test::base64(test::noise(600, 1)) +
                                        "-----END PGP MESSAGE-----\r\n"}})));
}

// Mail readers take all of these apart. The boundary begins with `p`: "" or a prefix like those of most programs.
void add_boundaries(Rows& rows, const std::string& p) {
    const std::string b = p + "bound";
    std::string p_percent; // in RFC 2231's notation
    for (const char byte : p) p_percent += byte == '=' ? std::string("%3D") : std::string(1, byte);
    const std::string mixed = "Content-Type: multipart/mixed; ";
    const struct {
        const char* name;
        std::string mail;
    } mails[] = {
        {"boundary, ordinary", parted(mixed + "boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"boundary without quotes", parted(mixed + "boundary=" + b, "--" + b, "--" + b + "--")},
        {"blanks around =", parted(mixed + "boundary = \"" + b + "\"", "--" + b, "--" + b + "--")},
        {"a blank before =", parted(mixed + "boundary =\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"a blank behind =", parted(mixed + "boundary= \"" + b + "\"", "--" + b, "--" + b + "--")},
        {"a tab behind =", parted(mixed + "boundary=\t\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"a line end behind =", parted(mixed + "boundary=\r\n \"" + b + "\"", "--" + b, "--" + b + "--")},
        {"quoted pairs", parted(mixed + "boundary=\"" + p + "b\\ou\\nd\"", "--" + b, "--" + b + "--")},
        {"continuation", parted(mixed + "boundary*0=\"" + p + "bo\"; boundary*1=\"und\"", "--" + b, "--" + b + "--")},
        {"continuation, folded",
         parted(mixed + "boundary*0=\"" + p + "bo\";\r\n boundary*1=und", "--" + b, "--" + b + "--")},
        {"encoded", parted(mixed + "boundary*=us-ascii''" + p_percent + "bo%75nd", "--" + b, "--" + b + "--")},
        {"encoded continuation",
         parted(mixed + "boundary*0*=us-ascii''" + p_percent + "bo%75; boundary*1=nd", "--" + b, "--" + b + "--")},
        {"in capitals", parted("CONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"repeated", parted(mixed + "boundary=\"other\"; boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"repeated, the first counts",
         parted(mixed + "boundary=\"" + b + "\"; boundary=\"other\"", "--" + b, "--" + b + "--")},
        {"again in Content-Disposition", parted(mixed + "boundary=\"" + b + "\"", "--" + b, "--" + b + "--",
                                                "Content-Disposition: inline; boundary=\"other\"\r\n")},
        {"two Content-Types",
         parted(mixed + "boundary=\"" + b + "\"", "--" + b, "--" + b + "--", "Content-Type: text/plain\r\n")},
        {"two Content-Types, the last counts",
         parted("Content-Type: text/plain\r\n" + mixed + "boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"blanks behind the lines", parted(mixed + "boundary=\"" + b + "\"", "--" + b + "  \t", "--" + b + "--  ")},
        {"a blank at the end of it", parted(mixed + "boundary=\"" + b + " \"", "--" + b, "--" + b + "--")},
        {"a comment", parted("Content-Type: multipart/mixed (comment); boundary=(a comment)\"" + b + "\"", "--" + b,
                             "--" + b + "--")},
        {"a comment in the type",
         parted("Content-Type: multipart(a)/(b)mixed; boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"no MIME-Version, folded name",
         parted("Content-Type:\r\n multipart/mixed;\r\n\tboundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"a blank before the colon",
         parted("Content-Type : multipart/mixed; boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"no last boundary", parted(mixed + "boundary=\"" + b + "\"", "--" + b, "")},
        {"no semicolon", parted("Content-Type: multipart/mixed boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"two semicolons", parted(mixed + ";boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"an unknown multipart",
         parted("Content-Type: multipart/x-evermilter; boundary=\"" + b + "\"", "--" + b, "--" + b + "--")},
        {"a long boundary", parted(mixed + "boundary=\"" + std::string(300, 'b') + "\"", "--" + std::string(300, 'b'),
                                   "--" + std::string(300, 'b') + "--")},
    };
    for (const auto& one : mails) {
        const std::string name = "mail/readers/" + p + (p.empty() ? "" : "/") + one.name;
        rows.add_mail(name, one.mail);
        std::string unix_lines;
        for (const char byte : one.mail)
            if (byte != '\r') unix_lines += byte;
        rows.add_mail(name + ", LF", unix_lines);
    }
}

void add_codings(Rows& rows) {
    const std::string text = test::base64(marked_member(false).content);
    const auto encoded = [&](const std::string& name, const std::string& header, const std::string& body) {
        rows.add_mail("mail/readers/encoding/" + name,
                      whole({"Content-Type: application/octet-stream\r\n" + header + "\r\n", body}));
        rows.add_mail(
            "mail/readers/encoding/" + name + ", in a multipart",
            whole(multipart("mixed", "b", {{"Content-Type: application/octet-stream\r\n" + header + "\r\n", body}})));
    };
    std::string loose;
    for (std::size_t at = 0; at < text.size(); ++at)
        loose += at % 50 == 49 ? text.substr(at, 1) + " \t" : text.substr(at, 1);
    std::string odd;
    for (std::size_t at = 0; at < text.size(); ++at)
        odd += at % 70 == 30 ? "*" + text.substr(at, 1) : text.substr(at, 1);
    std::string joined;
    for (const char byte : text)
        if (byte != '\r' && byte != '\n') joined += byte;
    encoded("ordinary", "Content-Transfer-Encoding: base64", text);
    encoded("in capitals", "CONTENT-TRANSFER-ENCODING: BASE64", text);
    encoded("in quotes", "Content-Transfer-Encoding: \"base64\"", text);
    encoded("a comment", "Content-Transfer-Encoding: base64 (yes)", text);
    encoded("a blank before the colon", "Content-Transfer-Encoding : base64", text);
    encoded("folded", "Content-Transfer-Encoding:\r\n base64", text);
    encoded("twice, another last", "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit", text);
    encoded("twice, another first", "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64", text);
    encoded("blanks in it", "Content-Transfer-Encoding: base64", loose);
    encoded("other characters in it", "Content-Transfer-Encoding: base64", odd);
    encoded("one line", "Content-Transfer-Encoding: base64", joined);
    encoded("padding in the middle", "Content-Transfer-Encoding: base64", "U29tZQ==\r\n" + text);
    encoded("without padding", "Content-Transfer-Encoding: base64", text.substr(0, text.find('=')));
    encoded("a text before it", "Content-Transfer-Encoding: base64", "\r\n\r\n" + text);
    encoded("x-base64", "Content-Transfer-Encoding: x-base64", text);
    encoded("uuencode of other names", "Content-Transfer-Encoding: uuencode",
            uuencoded(marked_member(false).content, "a.txt"));
    encoded("uue", "Content-Transfer-Encoding: x-uue", uuencoded(marked_member(false).content, "a.txt"));
    std::string hidden;
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char byte : marker()) {
        hidden += '=';
        hidden += digits[static_cast<unsigned char>(byte) >> 4U];
        hidden += digits[static_cast<unsigned char>(byte) & 0xfU];
    }
    encoded("quoted-printable, all of it", "Content-Transfer-Encoding: quoted-printable", hidden);
    encoded("quoted-printable, soft line ends", "Content-Transfer-Encoding: quoted-printable",
            "evermilter cor=\r\npus marker: fo=  \r\nund nowhere else\r\n");
    rows.add_mail("mail/readers/a zip behind rubbish",
                  test::multipart_mail({test::attachment("a.zip", test::noise(700, 1) + marked_zip())}));
}

} // namespace

std::vector<Row> mail_rows() {
    Rows rows;
    add_encodings(rows);
    add_types(rows);
    add_boundaries(rows, "");
    add_boundaries(rows, "=_Part_1.");
    add_codings(rows);
    return rows.take();
}

std::vector<Row> large_rows() {
    Rows rows;
    constexpr std::size_t mib = 1U << 20U;
    const std::string large = bulk(101 * mib);
    const auto zipped = [](const std::vector<Member>& members) {
        std::vector<ZipMember> all;
        for (const Member& member : members) {
            ZipMember one;
            one.name = member.name;
            one.content = member.content;
            all.push_back(one);
        }
        return zip_archive(all);
    };
    rows.add(
        "default limits/7z, its head", "a.7z",
        archive({"7zip", "none", "7zip:compression=lzma1,7zip:compression-level=1"}, {{"a.txt", marker() + large}}));
    rows.add("default limits/zip, its tail", "a.zip", zipped({{"a.txt", large + marker()}}));
    rows.add("default limits/html of 41 MiB, its head", "a.zip",
             zipped({{"a.html", "<html><body>" + marker() + large.substr(0, 41 * mib) + "</body></html>"}}));
    std::vector<Member> many;
    for (unsigned number = 0; number < 10050; ++number)
        many.push_back({"f" + std::to_string(number), std::to_string(number)});
    many.push_back(marked_member(false));
    rows.add("default limits/zip of 10,050 files, the last", "a.zip", zipped(many));
    return rows.take();
}

} // namespace evermilter::corpus
