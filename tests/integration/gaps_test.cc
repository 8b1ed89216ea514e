// The real programs and rows of the corpus (tests/corpus/rows.h) that stand for each kind of gap: what the mail server
// is answered and what is stamped, the first, second and tenth time, and with the same file in another mail.
// unit_scanner looks at all rows in one process.
#include <boost/test/unit_test.hpp>
#include <map>
#include <string>
#include <vector>

#include "config/parse.h"
#include "tests/corpus/rows.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace corpus = evermilter::corpus;

namespace {

constexpr unsigned kTimes = 10;

// The limits of corpus::set_small_limits() as the configuration file has them.
Keys small_limits() {
    evermilter::config::Scanner s = evermilter::config::defaults().scanner;
    corpus::set_small_limits(s);
    return {{"scanner.max_file_size", std::to_string(*s.max_file_size)},
            {"scanner.max_scan_size", std::to_string(*s.max_scan_size)},
            {"scanner.max_files", std::to_string(*s.max_files)},
            {"scanner.max_recursion", std::to_string(*s.max_recursion)},
            {"scanner.max_html_normalize", std::to_string(*s.max_html_normalize)},
            {"scanner.max_html_no_tags", std::to_string(*s.max_html_no_tags)},
            {"scanner.max_script_normalize", std::to_string(*s.max_script_normalize)},
            {"scanner.pcre_max_file_size", std::to_string(*s.pcre_max_file_size)}};
}

// The rows with these names; throws if one does not exist.
std::vector<corpus::Row> chosen(const std::vector<corpus::Row>& rows, const std::vector<std::string>& names) {
    std::map<std::string, corpus::Row> by_name;
    for (const corpus::Row& row : rows) by_name[row.name] = row;
    std::vector<corpus::Row> found;
    for (const std::string& name : names) found.push_back(by_name.at(name));
    return found;
}

bool kept(corpus::Expect expect, const Verdict& verdict) {
    const bool rejected = verdict.text().starts_with("550 5.7.1 virus found: ");
    switch (expect) {
        case corpus::Expect::clean:
            return verdict.text() == "accept" && verdict.status() == "Clean";
        case corpus::Expect::found:
            return rejected;
        case corpus::Expect::never_clean:
            return verdict.text() != "accept" || verdict.status().starts_with("Not fully scanned (");
    }
    return false;
}

// One service for all rows of a test, so that the remains of one row meet the others.
void look(const std::vector<corpus::Row>& rows) {
    Service service(small_limits());
    corpus::write_marker_database(service.database());
    service.start();
    MilterClient client = service.session();
    const auto ask = [&](const corpus::Row& row, const std::string& mail, const std::string& when) {
        const Verdict verdict = client.message(mail);
        if (!kept(row.expect, verdict))
            BOOST_ERROR(row.name << ", " << when << ": " << verdict.text() << ", stamped \"" << verdict.status()
                                 << '"');
    };
    for (const corpus::Row& row : rows) {
        for (unsigned time = 1; time <= kTimes; ++time) ask(row, row.mail, "time " + std::to_string(time));
        if (!row.other.empty()) ask(row, row.other, "in another mail");
    }
    client.quit();
    BOOST_TEST(rows.size() > 0U);
}

} // namespace

BOOST_AUTO_TEST_SUITE(gaps_test)

BOOST_AUTO_TEST_CASE(a_zip_that_was_not_looked_at_wholly_is_never_stamped_clean_however_often_it_comes) {
    look(chosen(corpus::zip_rows(),
                {"zip/deflate/ordinary, nothing in it", "zip/deflate/ordinary", "zip/deflate/too large/at its tail",
                 "zip/deflate/too large/behind", "zip/deflate/too many/behind", "zip/deflate/nested too deep",
                 "zip/deflate/cut off/half is there", "zip/unknown method LZMA/in it", "zip/encrypted aes256",
                 "zip/encrypted, flags 1/behind an open one", "zip/encrypted, flags 1/the marker is behind",
                 "docx/too large/at its tail", "jar/too large/at its tail", "zip/lie/it is not listed"}));
}

BOOST_AUTO_TEST_CASE(no_other_archive_that_was_not_looked_at_wholly_is_stamped_clean) {
    look(chosen(corpus::seven_zip_rows(),
                {"7z/lzma1/ordinary, nothing in it", "7z/lzma1/ordinary", "7z/lzma1/too large/at its head",
                 "7z/lzma1/too many/behind", "7z/bzip2/too many/before", "7z/enc.7z/in it"}));
    look(chosen(corpus::old_rows(), {"rar5/stored/too many/before", "arj/encrypted", "cab/unknown method 3"}));
    look(chosen(corpus::stream_rows(), {"gzip/ordinary, nothing in it", "gzip/ordinary", "gzip/cut off/half is there",
                                        "xz/too large/at its tail", "bzip2/cut off/ten bytes are missing"}));
}

BOOST_AUTO_TEST_CASE(no_document_or_mail_that_was_not_looked_at_wholly_is_stamped_clean) {
    look(chosen(corpus::document_rows(),
                {"pdf/Flate/ordinary, nothing in it", "pdf/Flate/ordinary", "pdf/Flate/too large/at its tail",
                 "pdf/encrypted", "html/too large/at its head", "text/too large for regular expressions"}));
    look(chosen(corpus::mail_rows(),
                {"mail/base64, nothing in it", "mail/base64, ordinary", "mail/message/partial, the first/at the top",
                 "mail/message/unknown/at the top", "mail/readers/quoted pairs", "mail/readers/continuation",
                 "mail/readers/blanks behind the lines", "mail/multiparts nested 40 times"}));
}

BOOST_AUTO_TEST_SUITE_END()
