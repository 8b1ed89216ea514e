// A mail is read as a mail program reads it: which parts there are, and where programs differ.
#include "workers/scanner/look/mime_reader.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

namespace evermilter::scanner {
namespace {

std::string mail(const std::string& headers, const std::string& body) {
    return "From: a@example.org\r\nMIME-Version: 1.0\r\n" + headers + "\r\n\r\n" + body;
}

bool has_part(const MimeReading& reading, std::string_view path, std::string_view content) {
    return std::any_of(reading.parts.begin(), reading.parts.end(), [&](const MimePart& part) {
        return part.path == path && part.content.substr(0, content.size()) == content;
    });
}

bool has_gap(const MimeReading& reading, Unseen reason) {
    return std::any_of(reading.gaps.begin(), reading.gaps.end(),
                       [reason](const Gap& gap) { return gap.reason == reason; });
}

} // namespace

BOOST_AUTO_TEST_SUITE(mime_reader)

BOOST_AUTO_TEST_CASE(a_part_is_decoded_and_has_its_path_name_and_type) {
    const std::string text = mail("Content-Type: multipart/mixed; boundary=\"b\"",
                                  "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
                                  "--b\r\nContent-Type: Application/X-Thing; name=\"a.exe\"\r\n"
                                  "Content-Transfer-Encoding: base64\r\n\r\nYWJjZA==\r\n--b--\r\n");
    const MimeReading reading = read_mime(text, "");
    BOOST_REQUIRE_EQUAL(reading.parts.size(), 2U);
    BOOST_TEST(reading.parts[0].content.substr(0, 5) == "hello");
    BOOST_TEST(reading.parts[1].path == "1.2");
    BOOST_TEST(reading.parts[1].name == "a.exe");
    BOOST_TEST(reading.parts[1].type == "application/x-thing");
    BOOST_TEST(reading.parts[1].content == "abcd");
    BOOST_TEST(reading.gaps.empty());
}

BOOST_AUTO_TEST_CASE(a_boundary_is_found_in_every_way_in_which_it_may_be_written) {
    const std::string body = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
    for (const char* parameter : {"boundary=b", "boundary = \"b\"", "boundary=\"\\b\"", "boundary*0=b",
                                  "boundary*=us-ascii''b", "boundary*0*=us-ascii''%62", "BOUNDARY=b"}) {
        const std::string text = mail(std::string("Content-Type: multipart/mixed; ") + parameter, body);
        const MimeReading reading = read_mime(text, "");
        BOOST_TEST(has_part(reading, "1.1", "hello"), parameter);
    }
}

BOOST_AUTO_TEST_CASE(a_forwarded_message_is_read_too) {
    const std::string text = mail("Content-Type: message/rfc822",
                                  "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                                  "<b>=41</b>\r\n");
    const MimeReading reading = read_mime(text, "1.3/");
    BOOST_REQUIRE(!reading.parts.empty());
    BOOST_TEST(std::any_of(reading.parts.begin(), reading.parts.end(), [](const MimePart& part) {
        return part.type == "text/html" && part.content.substr(0, 8) == "<b>A</b>" && part.path.rfind("1.3/", 0) == 0;
    }));
}

BOOST_AUTO_TEST_CASE(a_fragment_is_partial_and_what_lies_elsewhere_unsupported) {
    const std::string body = "Subject: x\r\n\r\nbytes\r\n";
    for (const char* type : {"message/partial; id=\"x\"; number=1; total=2", "Message/Partial; id=x; number=2"}) {
        const std::string text = mail(std::string("Content-Type: ") + type, body);
        BOOST_TEST(has_gap(read_mime(text, ""), Unseen::partial), type);
    }
    const std::string elsewhere =
        mail("Content-Type: message/external-body; access-type=URL; URL=\"http://example.org/a\"", body);
    BOOST_TEST(has_gap(read_mime(elsewhere, ""), Unseen::unsupported));
}

BOOST_AUTO_TEST_CASE(an_encrypted_mail_is_said_to_be_so) {
    const std::string text =
        mail("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b",
             "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
             "--b\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n");
    BOOST_TEST(has_gap(read_mime(text, ""), Unseen::encrypted));
}

BOOST_AUTO_TEST_CASE(two_content_types_or_two_boundaries_are_ambiguous) {
    const std::string body = "--b\r\n\r\nhello\r\n--b--\r\n";
    for (const char* headers : {"Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain",
                                "Content-Type: multipart/mixed; boundary=b; boundary=c"}) {
        const std::string text = mail(headers, body);
        BOOST_TEST(has_gap(read_mime(text, ""), Unseen::ambiguous), headers);
    }
}

BOOST_AUTO_TEST_CASE(too_many_parts_and_too_deep_ones_are_a_limit) {
    std::string many;
    for (std::size_t part = 0; part < kMostMimeParts + 10; ++part) many += "--b\r\n\r\nx\r\n";
    const std::string wide = mail("Content-Type: multipart/mixed; boundary=b", many + "--b--\r\n");
    const MimeReading of_wide = read_mime(wide, "");
    BOOST_TEST(of_wide.parts.size() <= kMostMimeParts);
    BOOST_TEST(has_gap(of_wide, Unseen::limit));

    std::string deep;
    for (int level = 0; level < kMostMimeDepth + 10; ++level) {
        const std::string name = "b" + std::to_string(level);
        deep += "Content-Type: multipart/mixed; boundary=" + name + "\r\n\r\n--" + name + "\r\n";
    }
    const std::string nested = "From: a@example.org\r\n" + deep + "\r\nx\r\n";
    BOOST_TEST(has_gap(read_mime(nested, ""), Unseen::limit));
}

BOOST_AUTO_TEST_CASE(any_bytes_are_read_without_harm) {
    const std::string whole = mail("Content-Type: multipart/mixed; boundary=b",
                                   "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/related;"
                                   " boundary*0=c; boundary*1=d\r\n\r\n--cd\r\n\r\nx\r\n--cd--\r\n--b--\r\n");
    for (std::size_t length = 0; length <= whole.size(); ++length)
        static_cast<void>(read_mime(std::string_view(whole).substr(0, length), ""));
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const char byte : {'\0', '\r', '"', '\xff'}) {
            std::string changed = whole;
            changed[at] = byte;
            static_cast<void>(read_mime(changed, ""));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_cr_that_stands_alone_is_seen) {
    BOOST_TEST(!has_bare_cr("a\r\nb\n"));
    BOOST_TEST(has_bare_cr("a\rb"));
    BOOST_TEST(has_bare_cr("a\r"));
    BOOST_TEST(with_line_ends("a\rb\nc\r\nd") == "a\r\nb\r\nc\r\nd");
}

BOOST_AUTO_TEST_CASE(texts_that_differ_in_cr_alone_are_the_same_and_no_others) {
    BOOST_TEST(same_text("a\r\nb\r\n", "a\nb\n"));
    BOOST_TEST(same_text("a\r\nb", "a\nb\n\n"));
    BOOST_TEST(!same_text("a b", "a  b"));
    BOOST_TEST(!same_text("a\nb", "ab"));
    BOOST_TEST(!same_text("a ", "a"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
