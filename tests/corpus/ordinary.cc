// Each kind is one function of a table; a mail's number chooses the kind and, divided by the number of kinds, its
// variant: texts, charsets, encodings, names, sizes.
#include "tests/corpus/ordinary.h"

#include <array>
#include <functional>
#include <map>
#include <string_view>

#include "tests/corpus/bytes.h"
#include "tests/corpus/documents.h"
#include "tests/corpus/mime.h"
#include "tests/corpus/tnef.h"
#include "tests/support/messages.h"

namespace evermilter::corpus {
namespace {

constexpr std::array<Encoding, 4> kEncodings = {Encoding::seven_bit, Encoding::eight_bit, Encoding::quoted_printable,
                                                Encoding::base64};

struct Language {
    std::string charset;
    std::string text; // UTF-8
};

const std::vector<Language>& languages() {
    static const std::string german = "Größe und Maße der Straße: schöne Grüße aus Köln, 5 % übrig";
    static const std::string french = "Déjà vu: le garçon est arrivé à l'école où l'élève étudie";
    static const std::string czech = "Příliš žluťoučký kůň úpěl ďábelské ódy";
    static const std::string russian = "Съешь же ещё этих мягких французских булок, да выпей чаю";
    static const std::string greek = "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία";
    static const std::string hebrew = "דג סקרן שט בים מאוכזב";
    static const std::string arabic = "نص حكيم له سر قاطع وذو شأن عظيم";
    static const std::string turkish = "Pijamalı hasta yağız şoföre çabucak güvendi";
    static const std::string japanese = "添付の見積書をご確認ください。よろしくお願いします";
    static const std::string chinese = "请查收附件中的合同";
    static const std::string traditional = "請查收附件中的合約";
    static const std::string korean = "첨부된 견적서를 확인해 주세요";
    static const std::string thai = "กรุณาตรวจสอบเอกสารแนบ";
    static const std::vector<Language> all = {{"UTF-8", german},
                                              {"iso-8859-1", french},
                                              {"iso-8859-15", german},
                                              {"windows-1252", french},
                                              {"iso-8859-2", czech},
                                              {"windows-1250", czech},
                                              {"koi8-r", russian},
                                              {"windows-1251", russian},
                                              {"iso-8859-5", russian},
                                              {"iso-8859-7", greek},
                                              {"windows-1253", greek},
                                              {"windows-1255", hebrew},
                                              {"windows-1256", arabic},
                                              {"iso-8859-9", turkish},
                                              {"iso-2022-jp", japanese},
                                              {"shift_jis", japanese},
                                              {"euc-jp", japanese},
                                              {"gb2312", chinese},
                                              {"gb18030", chinese},
                                              {"big5", traditional},
                                              {"euc-kr", korean},
                                              {"tis-620", thai},
                                              {"UTF-8", japanese},
                                              {"UTF-8", "📎 " + russian},
                                              {"us-ascii", "Plain text, nothing else"},
                                              {"utf-7", german},
                                              {"utf-16", german}};
    return all;
}

// A text in the language's charset; in UTF-8 if the C library lacks the charset.
Language spoken(std::uint64_t number) {
    const Language& language = languages().at(number % languages().size());
    if (const auto bytes = in_charset(language.text, language.charset)) return {language.charset, *bytes};
    return {"UTF-8", language.text};
}

std::string sentences(const Language& language, std::size_t lines) {
    std::string line = language.text + (language.charset == "utf-16" ? std::string() : "\r\n");
    std::string out;
    for (std::size_t i = 0; i < lines; ++i) out += line;
    return out;
}

bool seven_bits(std::string_view text) {
    for (const char byte : text)
        if ((static_cast<unsigned char>(byte) & 0x80U) != 0 || byte == '\0') return false;
    return true;
}

// `wanted`, or the next one that can carry `text`.
Encoding encoding_for(std::string_view text, Encoding wanted) {
    if (text.find('\0') != std::string_view::npos) return Encoding::base64;
    return wanted == Encoding::seven_bit && !seven_bits(text) ? Encoding::quoted_printable : wanted;
}

struct Variant {
    std::uint64_t number;
    Random random;
    Language language;
    Encoding encoding;
    // As various programs write them.
    std::string boundary() {
        const std::string digits = std::to_string(random());
        switch (random.below(6)) {
            case 0:
                return "----=_NextPart_000_0001_01D" + digits.substr(0, 5) + ".ABCDEF00";
            case 1:
                return "000000000000" + digits;
            case 2:
                return "Apple-Mail=_" + digits + "-1E2F";
            case 3:
                return "----=_Part_" + digits.substr(0, 6) + "_" + digits + "." + digits;
            case 4:
                return "_000_" + digits + "exampleorg_";
            default:
                return "=_" + digits + "'()+_,-./:=?";
        }
    }
    Entity text(const std::string& subtype = "plain", std::size_t lines = 6) {
        const std::string more = subtype == "html" ? "<html><body><p>" : "";
        const std::string body = more + sentences(language, lines) + (more.empty() ? "" : "</p></body></html>\r\n");
        return leaf("text/" + subtype + "; charset=" + language.charset, body, encoding_for(body, encoding));
    }
    Entity attached(const Document& document, const std::string& disposition = "attachment") {
        return leaf(media_type(document.name) + "; name=\"" + document.name + "\"", document.content, Encoding::base64,
                    "Content-Disposition: " + disposition + ";\r\n filename=\"" + document.name + "\"\r\n");
    }
    Document any_document() {
        const auto kinds = document_kinds();
        return document(random.of(kinds), number, 1000 + random.below(60000));
    }
};

std::string received(std::uint64_t hops) {
    std::string out;
    for (std::uint64_t hop = 0; hop < hops; ++hop)
        out += "Received: from relay" + std::to_string(hop) + ".example.net (relay" + std::to_string(hop) +
               ".example.net [192.0.2." + std::to_string(hop + 1) +
               "])\r\n\tby mx.example.org (Postfix) with ESMTPS id " + std::to_string(4711 + hop) +
               "\r\n\tfor <recipient@example.org>; Fri, 20 Nov 2026 09:36:0" + std::to_string(hop % 10) +
               " +0000 (UTC)\r\n";
    return out;
}

std::string headers(Variant& v) {
    const bool word = v.language.charset != "us-ascii" && v.language.charset != "utf-16";
    const std::string subject =
        word ? encoded_words(v.language.text, v.language.charset, v.number % 2 == 0 ? 'B' : 'Q') : "Re: test";
    std::string out = received(1 + v.random.below(4));
    if (v.random.below(2) == 0)
        out +=
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=k1;\r\n\th=from:to:subject;\r\n"
            "\tbh=" +
            test::base64(test::noise(32, static_cast<unsigned>(v.number))).substr(0, 44) +
            ";\r\n\tb=" + test::base64(test::noise(54, static_cast<unsigned>(v.number + 1))).substr(0, 72) + "\r\n";
    return out + "From: \"Sender, A.\" <sender@example.org>\r\nTo: recipient@example.org,\r\n other@example.net\r\n" +
           "Subject: " + subject + "\r\nDate: Fri, 20 Nov 2026 09:36:00 +0000\r\nMessage-ID: <" +
           std::to_string(v.number) + "@example.org>\r\nMIME-Version: 1.0\r\n";
}

std::string der(std::string_view tag, const std::string& content) {
    return std::string(tag) + "\x82" + big(content.size(), 2) + content;
}

// ContentInfo of PKCS #7, as much of it as is visible without the key.
std::string pkcs7(unsigned kind, const std::string& content) {
    const std::string oid = std::string("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07") + static_cast<char>(kind);
    return der("\x30", oid + der("\xa0", der("\x30", std::string("\x02\x01\x01") + der("\x04", content))));
}

std::string flowed(std::uint64_t number) {
    std::string out;
    for (const char byte : prose(3000, number, " \n")) out += byte == '\n' ? std::string("\r\n") : std::string(1, byte);
    return out + "\r\n> quoted \r\n> line\r\n-- \r\nsignature\r\n";
}

const std::string kStatus =
    "Reporting-MTA: dns; mx.example.org\r\nArrival-Date: Fri, 20 Nov 2026 09:30:00 +0000\r\n\r\nFinal-Recipient: "
    "rfc822; nobody@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 User "
    "unknown\r\n";

Entity whole_mail(std::uint64_t number);

using Make = std::function<Entity(Variant&)>;
struct Kind {
    const char* name;
    Make make;
};

Entity alternative(Variant& v) {
    return multipart("alternative", v.boundary(), {v.text(), v.text("html")});
}

Entity related(Variant& v) {
    const std::string id = "part1." + std::to_string(v.number) + "@example.org";
    Entity html = leaf("text/html; charset=us-ascii", "<html><img src=\"cid:" + id + "\"></html>\r\n", v.encoding);
    Entity image = leaf("image/png; name=\"logo.png\"", png(40, 30, v.number), Encoding::base64,
                        "Content-ID: <" + id + ">\r\nContent-Disposition: inline; filename=\"logo.png\"\r\n");
    return multipart("related; type=\"text/html\"", v.boundary(), {html, image});
}

Entity report(Variant& v, const std::string& type, const Entity& middle, const Entity& last) {
    const Entity text = leaf("text/plain; charset=us-ascii", "This is a report.\r\n", Encoding::seven_bit);
    return multipart("report; report-type=" + type, v.boundary(), {text, middle, last});
}

Entity raw(const std::string& type, const std::string& body) {
    return {"Content-Type: " + type + "\r\n", body};
}

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all = {
        {"text", [](Variant& v) { return v.text(); }},
        {"text without any MIME header",
         [](Variant& v) {
             return Entity{"", prose(2000, v.number)};
         }},
        {"html", [](Variant& v) { return v.text("html"); }},
        {"format=flowed",
         [](Variant& v) {
             return leaf("text/plain; charset=us-ascii; format=flowed; delsp=yes", flowed(v.number),
                         Encoding::seven_bit);
         }},
        {"newsletter",
         [](Variant& v) {
             const std::string html = newsletter(5000 + v.random.below(90000), v.number);
             return multipart("alternative", v.boundary(),
                              {leaf("text/plain; charset=utf-8", prose(3000, v.number), Encoding::quoted_printable),
                               leaf("text/html; charset=utf-8", html, kEncodings.at(1 + v.number % 3))});
         }},
        {"multipart/alternative", alternative},
        {"multipart/related", related},
        {"alternative in related in mixed",
         [](Variant& v) {
             Entity inner = multipart("alternative", v.boundary(), {v.text(), related(v)});
             return multipart("mixed", v.boundary(), {inner, v.attached(v.any_document())},
                              "This is a multi-part message in MIME format.");
         }},
        {"a document",
         [](Variant& v) {
             return multipart("mixed", v.boundary(), {v.text(), v.attached(v.any_document())});
         }},
        {"some documents",
         [](Variant& v) {
             std::vector<Entity> parts = {alternative(v)};
             for (std::uint64_t i = 2 + v.random.below(4); i > 0; --i) parts.push_back(v.attached(v.any_document()));
             return multipart("mixed", v.boundary(), parts);
         }},
        {"a document alone", [](Variant& v) { return v.attached(v.any_document()); }},
        {"a document with an encoded name",
         [](Variant& v) {
             const Document one = v.any_document();
             const std::string end = one.name.substr(one.name.rfind('.'));
             const Language& name = v.language;
             const bool plain = name.charset == "utf-16" || name.charset == "us-ascii";
             const std::string shown = plain ? "a b" : name.text;
             const std::string charset = plain ? "us-ascii" : name.charset;
             const std::string words = "name=\"" + encoded_words(shown + end, charset, 'B') + "\"";
             const std::string type =
                 v.number % 3 == 0 ? media_type(one.name) : media_type(one.name) + ";\r\n " + words;
             return multipart(
                 "mixed", v.boundary(),
                 {v.text(),
                  leaf(type, one.content, Encoding::base64,
                       "Content-Disposition: attachment;\r\n " +
                           extended_parameter("filename", shown + end, charset, v.number % 2 == 0) + "\r\n")});
         }},
        {"text as attachment in each encoding",
         [](Variant& v) {
             const Document one = document(v.number % 2 == 0 ? "log" : "patch", v.number, 4000);
             return multipart(
                 "mixed", v.boundary(),
                 {v.text(), leaf("text/x-patch; charset=us-ascii; name=\"" + one.name + "\"", crlf(one.content),
                                 v.encoding, "Content-Disposition: inline; filename=\"" + one.name + "\"\r\n")});
         }},
        {"an invitation",
         [](Variant& v) {
             const Document ics = document("ics", v.number);
             Entity calendar = leaf("text/calendar; charset=\"utf-8\"; method=REQUEST", ics.content, v.encoding);
             Entity parts = multipart("alternative", v.boundary(), {v.text(), v.text("html"), calendar});
             return v.number % 2 == 0
                        ? parts
                        : multipart(
                              "mixed", v.boundary(),
                              {parts, leaf("application/ics; name=\"invite.ics\"", ics.content, Encoding::base64)});
         }},
        {"a vCard",
         [](Variant& v) {
             return multipart("mixed", v.boundary(),
                              {v.text(), leaf("text/x-vcard; charset=utf-8; name=\"j.vcf\"",
                                              document("vcf", v.number).content, Encoding::eight_bit)});
         }},
        {"a forwarded mail",
         [](Variant& v) {
             return multipart("mixed", v.boundary(), {v.text(), enclosed(whole_mail(v.random()))});
         }},
        {"a forwarded mail that has been forwarded",
         [](Variant& v) {
             Entity once = multipart("mixed", v.boundary(), {v.text(), enclosed(whole_mail(v.random()))});
             once.headers = headers(v) + once.headers;
             return multipart("mixed", v.boundary(), {v.text(), enclosed(once)});
         }},
        {"a digest",
         [](Variant& v) {
             std::vector<Entity> parts;
             for (int i = 0; i < 5; ++i)
                 parts.push_back({"", Entity{"From: a@example.org\r\nSubject: " + std::to_string(i) + "\r\n",
                                             prose(500, v.number + 1)}
                                          .text()});
             return multipart("digest", v.boundary(), parts);
         }},
        {"a mail as .eml",
         [](Variant& v) {
             return multipart("mixed", v.boundary(),
                              {v.text(), v.attached({"forwarded.eml", whole_mail(v.random()).text()})});
         }},
        {"a bounce with the whole mail",
         [](Variant& v) {
             return report(v, "delivery-status", raw("message/delivery-status", kStatus),
                           raw("message/rfc822", whole_mail(v.random()).text()));
         }},
        {"a bounce with headers only",
         [](Variant& v) {
             return report(v, "delivery-status", raw("message/delivery-status", kStatus),
                           raw("text/rfc822-headers", headers(v)));
         }},
        {"an international bounce",
         [](Variant& v) {
             return report(v, "delivery-status", raw("message/global-delivery-status", kStatus),
                           raw("message/global", whole_mail(v.random()).text()));
         }},
        {"a read receipt",
         [](Variant& v) {
             return report(v, "disposition-notification",
                           raw("message/disposition-notification",
                               "Reporting-UA: example\r\nFinal-Recipient: rfc822;a@example.org\r\nDisposition: "
                               "manual-action/MDN-sent-manually; displayed\r\n"),
                           raw("text/rfc822-headers", headers(v)));
         }},
        {"an abuse report",
         [](Variant& v) {
             return report(v, "feedback-report",
                           raw("message/feedback-report", "Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n"),
                           raw("message/rfc822", whole_mail(v.random()).text()));
         }},
        {"S/MIME, signed beside",
         [](Variant& v) {
             return multipart(
                 "signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256", v.boundary(),
                 {alternative(v), leaf("application/pkcs7-signature; name=\"smime.p7s\"",
                                       pkcs7(2, test::noise(1800, static_cast<unsigned>(v.number))), Encoding::base64,
                                       "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n")},
                 "This is an S/MIME signed message");
         }},
        {"S/MIME, signed around",
         [](Variant& v) {
             return leaf("application/pkcs7-mime; smime-type=signed-data; name=\"smime.p7m\"",
                         pkcs7(2, alternative(v).text()), Encoding::base64,
                         "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n");
         }},
        {"PGP, signed",
         [](Variant& v) {
             return multipart("signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"", v.boundary(),
                              {v.text(), leaf("application/pgp-signature; name=\"signature.asc\"",
                                              "-----BEGIN PGP SIGNATURE-----\r\n\r\n" +
                                                  test::base64(test::noise(400, static_cast<unsigned>(v.number))) +
                                                  "=abcd\r\n-----END PGP SIGNATURE-----\r\n",
                                              Encoding::seven_bit)});
         }},
        {"PGP, signed in the text",
         [](Variant& v) {
             return leaf("text/plain; charset=us-ascii",
                         "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n" + prose(900, v.number) +
                             "\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n" +
                             test::base64(test::noise(400, static_cast<unsigned>(v.number))) +
                             "=abcd\r\n-----END PGP SIGNATURE-----\r\n",
                         Encoding::seven_bit);
         }},
        {"winmail.dat",
         [](Variant& v) {
             std::vector<Member> files;
             for (std::uint64_t left = 1 + v.random.below(3); left > 0; --left) {
                 const Document one = v.any_document();
                 files.push_back({one.name, one.content});
             }
             return multipart(
                 "mixed", v.boundary(),
                 {v.text(), leaf("application/ms-tnef; name=\"winmail.dat\"", tnef(files), Encoding::base64,
                                 "Content-Disposition: attachment; filename=\"winmail.dat\"\r\n")});
         }},
        {"uuencoded in the text",
         [](Variant& v) {
             const Document one = document("gif", v.number);
             return leaf("text/plain; charset=us-ascii",
                         prose(300, v.number) + "\r\n\r\n" + uuencoded(one.content, "picture.gif") + "\r\nbye\r\n",
                         Encoding::seven_bit);
         }},
        {"uuencoded as a part",
         [](Variant& v) {
             const Document one = document("gif", v.number);
             return multipart("mixed", v.boundary(),
                              {v.text(),
                               {"Content-Type: image/gif; name=\"picture.gif\"\r\nContent-Transfer-Encoding: "
                                "x-uuencode\r\n",
                                uuencoded(one.content, "picture.gif")}});
         }},
        {"BinHex",
         [](Variant& v) {
             return multipart("mixed", v.boundary(),
                              {v.text(), raw("application/mac-binhex40; name=\"a.txt.hqx\"",
                                             binhex(prose(500, v.number, "\r"), "a.txt"))});
         }},
        {"a picture sent by a telephone",
         [](Variant& v) {
             return leaf("image/png; name=\"IMG_0001.png\"", png(300, 200, v.number), Encoding::base64,
                         "Content-Disposition: attachment; filename=IMG_0001.png\r\n");
         }},
        {"a list's mail with a footer as a part",
         [](Variant& v) {
             Entity footer = leaf("text/plain; charset=us-ascii",
                                  "_____________\r\nlist mailing list\r\nhttps://lists.example.org/\r\n",
                                  Encoding::seven_bit, "Content-Disposition: inline\r\n");
             Entity whole = multipart("mixed", v.boundary(), {alternative(v), footer});
             whole.headers = "List-Id: <list.example.org>\r\nPrecedence: list\r\n" + whole.headers;
             return whole;
         }},
        {"text behind the last boundary",
         [](Variant& v) {
             return multipart("mixed", v.boundary(), {v.text(), v.attached(v.any_document())}, "",
                              "-- \r\nThis footer was added by the list.\r\n");
         }},
        {"a part without a body",
         [](Variant& v) {
             return multipart("mixed", v.boundary(),
                              {v.text(), v.attached({"empty.txt", ""}), {"Content-Type: text/plain\r\n", ""}});
         }},
        {"without the last boundary",
         [](Variant& v) {
             Entity whole = multipart("mixed", v.boundary(), {v.text(), v.text("html")});
             whole.body.resize(whole.body.rfind("\r\n--"));
             return whole;
         }},
        {"a boundary without quotes",
         [](Variant& v) {
             const std::string boundary = "b1_" + std::to_string(v.random());
             Entity whole = multipart("mixed", boundary, {v.text(), v.attached(v.any_document())});
             whole.headers = "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n";
             return whole;
         }},
        {"a boundary that begins as the outer one",
         [](Variant& v) {
             const std::string boundary = v.boundary().substr(0, 40);
             return multipart(
                 "mixed", boundary,
                 {multipart("alternative", boundary + "_1", {v.text(), v.text("html")}), v.attached(v.any_document())});
         }},
        {"8 bits in headers",
         [](Variant& v) {
             return multipart("mixed", v.boundary(),
                              {v.text(), leaf("text/plain; name=\"gr\xfc\xdf"
                                              "e.txt\"",
                                              "x\r\n", Encoding::seven_bit)});
         }},
        {"old and short types",
         [](Variant& v) {
             return Entity{v.number % 2 == 0 ? "Content-Type: text\r\n" : "Content-type: TEXT/PLAIN; charset=\"\"\r\n",
                           prose(800, v.number)};
         }},
        {"binary as it is",
         [](Variant& v) {
             return multipart("mixed", v.boundary(),
                              {v.text(),
                               {"Content-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: binary\r\n",
                                document("csv", v.number, 3000).content}});
         }},
        {"AppleDouble",
         [](Variant& v) {
             const std::string fork = big(0x00051607, 4) + big(0x00020000, 4) + std::string(16, '\0') + big(1, 2) +
                                      big(9, 4) + big(38, 4) + big(32, 4) + std::string(32, '\0');
             return multipart(
                 "mixed", v.boundary(),
                 {v.text(), multipart("appledouble", v.boundary(),
                                      {leaf("application/applefile; name=\"a.pdf\"", fork, Encoding::base64),
                                       v.attached(document("pdf", v.number))})});
         }},
        {"spam in a report",
         [](Variant& v) {
             return multipart(
                 "mixed", v.boundary(),
                 {leaf("text/plain; charset=us-ascii", "Spam detection software has identified this.\r\n",
                       Encoding::eight_bit),
                  {"Content-Type: message/rfc822; x-spam-type=original\r\nContent-Description: original\r\n"
                   "Content-Disposition: attachment\r\nContent-Transfer-Encoding: 8bit\r\n",
                   whole_mail(v.random()).text()}});
         }},
        {"many parts",
         [](Variant& v) {
             std::vector<Entity> parts = {v.text()};
             for (std::uint64_t i = 0; i < 20; ++i) parts.push_back(v.attached(document("gif", v.number + i)));
             return multipart("mixed", v.boundary(), parts);
         }},
        {"long lines",
         [](Variant& v) {
             return leaf("text/html; charset=utf-8", "<p>" + prose(30000, v.number, " ") + "</p>\r\n", v.encoding);
         }},
        {"language variants",
         [](Variant& v) {
             Entity one = v.text();
             one.headers +=
                 "Content-Language: de\r\nContent-Location: a.txt\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n";
             return multipart("parallel", v.boundary(), {one, v.text()});
         }},
        {"no text, only headers",
         [](Variant&) {
             return Entity{"", ""};
         }},
    };
    return all;
}

Entity whole_mail(std::uint64_t number) {
    // A mail within a mail is one of the first kinds, which hold no mail themselves.
    Variant v{number, Random(number), spoken(number), kEncodings.at(number % kEncodings.size())};
    Entity entity = kinds().at(number % 15).make(v);
    return {headers(v) + entity.headers, entity.body};
}

} // namespace

Mail ordinary_mail(std::uint64_t number) {
    const Kind& kind = kinds().at(number % kinds().size());
    const std::uint64_t variant = number / kinds().size();
    Variant v{number, Random(number), spoken(variant + number), kEncodings.at(variant % kEncodings.size())};
    const Entity entity = kind.make(v);
    std::string text = headers(v) + entity.text();
    return {std::string(kind.name) + " (" + v.language.charset + ", " + encoding_name(v.encoding) + ")",
            std::move(text)};
}

Mail mail_with_file(const std::string& name, const std::string& content, std::uint64_t number) {
    Variant v{number, Random(number), spoken(number), kEncodings.at(number % kEncodings.size())};
    std::string clean_name;
    for (const char byte : name) clean_name += byte == '"' || byte == '\\' || byte < 0x20 ? '_' : byte;
    const Entity part = v.attached({clean_name, content}, number % 5 == 0 ? "inline" : "attachment");
    const Entity whole = multipart("mixed", v.boundary(), {number % 2 == 0 ? v.text() : alternative(v), part});
    const auto dot = name.rfind('.');
    return {"file " + (dot == std::string::npos ? "without extension" : name.substr(dot)), headers(v) + whole.text()};
}

std::string media_type(const std::string& name) {
    static const std::map<std::string, std::string> types = {
        {"pdf", "application/pdf"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"gif", "image/gif"},
        {"svg", "image/svg+xml"},
        {"html", "text/html"},
        {"htm", "text/html"},
        {"js", "text/javascript"},
        {"css", "text/css"},
        {"txt", "text/plain"},
        {"csv", "text/csv"},
        {"xml", "text/xml"},
        {"json", "application/json"},
        {"zip", "application/zip"},
        {"gz", "application/gzip"},
        {"eml", "message/rfc822"},
        {"rtf", "application/rtf"},
        {"doc", "application/msword"},
        {"mp3", "audio/mpeg"},
        {"ogg", "audio/ogg"},
        {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
        {"odt", "application/vnd.oasis.opendocument.text"},
        {"py", "text/x-python"},
        {"vcf", "text/vcard"},
        {"ics", "text/calendar"},
        {"tif", "image/tiff"},
        {"webp", "image/webp"},
        {"log", "text/plain"}};
    const auto dot = name.rfind('.');
    const auto found = dot == std::string::npos ? types.end() : types.find(name.substr(dot + 1));
    return found == types.end() ? "application/octet-stream" : found->second;
}

} // namespace evermilter::corpus
