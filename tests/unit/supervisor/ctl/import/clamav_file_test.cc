// Configuration files of ClamAV, and all that may stand in the place of one.
#include "supervisor/ctl/import/clamav_file.h"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

#include "tests/support/folder.h"

using namespace evermilter::ctl;
using evermilter::test::Folder;

namespace {

// "LINE OPTION=VALUE;…", or "! FAULT;…".
std::string read(std::string_view text) {
    const auto file = parse_clamav_text(text, "clamd.conf");
    std::string all;
    if (!file) {
        for (const auto& fault : file.error()) all += "! " + fault.text() + ";";
        return all;
    }
    for (const ClamavSetting& one : file->settings)
        all += std::to_string(one.line) + " " + one.option + "=" + one.value + ";";
    return all;
}

std::string fault_of(const std::string& path) {
    const auto file = read_clamav_file(path);
    return file ? "" : file.error().front().text();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(clamav_file_test)

BOOST_AUTO_TEST_CASE(a_line_is_an_option_and_its_value) {
    BOOST_TEST(read("User clamav\n\n# a comment\n  MaxThreads\t5  \n") == "1 User=clamav;4 MaxThreads=5;");
    BOOST_TEST(read("User clamav") == "1 User=clamav;"); // no newline at the end
    BOOST_TEST(read("User clamav\r\nMaxThreads 5\r\n") == "1 User=clamav;2 MaxThreads=5;");
    BOOST_TEST(read("") == "");
}

BOOST_AUTO_TEST_CASE(a_value_may_have_blanks_and_quotes_around_it_as_in_clamav) {
    BOOST_TEST(read("RejectMsg a %v  b\n") == "1 RejectMsg=a %v  b;");
    BOOST_TEST(read("RejectMsg \"a b\"\n") == "1 RejectMsg=a b;");
    BOOST_TEST(read("RejectMsg a\"b\"\n") == "1 RejectMsg=a\"b\";");
    BOOST_TEST(read("RejectMsg 'a'\n") == "1 RejectMsg='a';");
}

BOOST_AUTO_TEST_CASE(a_number_sign_begins_a_comment_only_where_a_line_begins) {
    BOOST_TEST(read("MaxThreads 5 # five\n") == "1 MaxThreads=5 # five;");
}

BOOST_AUTO_TEST_CASE(example_stands_alone) {
    BOOST_TEST(read("Example\nUser a\n") == "1 Example=;2 User=a;");
}

BOOST_AUTO_TEST_CASE(each_fault_names_file_line_option_and_remedy) {
    BOOST_TEST(read("User a\nMaxThreads\nPidFile\n") ==
               "! clamd.conf:2:1: MaxThreads: has no value; write \"MaxThreads VALUE\" or remove the line;"
               "! clamd.conf:3:1: PidFile: has no value; write \"PidFile VALUE\" or remove the line;");
    BOOST_TEST(read("MaxThreads=5\n") ==
               "! clamd.conf:1:1: MaxThreads=5: has no blank between option and value; write \"MaxThreads VALUE\";");
    BOOST_TEST(has(read("User \"a\n"), "clamd.conf:1:1: User: has a value that begins with \" and does not end"));
    BOOST_TEST(has(read("User \"\"\n"), "User: has an empty value"));
}

BOOST_AUTO_TEST_CASE(bytes_that_cannot_be_written_or_shown_are_faults) {
    BOOST_TEST(has(read("User a\x1b[31m\n"), "clamd.conf:1:1: holds a control character"));
    BOOST_TEST(has(read(std::string_view("User a\0b\n", 9)), "holds a control character"));
    BOOST_TEST(has(read("User a\xff\n"), "UTF-8"));
    BOOST_TEST(has(read("User \xed\xa0\x80\n"), "UTF-8")); // a surrogate
    BOOST_TEST(read("User \xc3\xa4\n") == "1 User=\xc3\xa4;");
    BOOST_TEST(read("# \xff\x01\n") == ""); // of a comment nothing is written
}

BOOST_AUTO_TEST_CASE(of_a_file_that_is_none_a_few_faults_are_enough) {
    std::string garbage;
    for (int i = 0; i < 100'000; ++i) garbage += static_cast<char>(i * 7 % 251);
    const auto file = parse_clamav_text(garbage, "clamd.conf");
    BOOST_TEST_REQUIRE(!file);
    BOOST_TEST(file.error().size() <= 20U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_named_with_the_reason) {
    const Folder folder;
    BOOST_TEST(has(fault_of(folder.path("absent")), folder.path("absent") + ": cannot be opened: No such file"));
    BOOST_TEST(has(fault_of(folder.path().string()), "is not a regular file"));
    BOOST_TEST(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
    BOOST_TEST(has(fault_of(folder.path("fifo")), "is not a regular file"));
    std::ofstream(folder / "large") << std::string(10 << 20, '\n');
    BOOST_TEST(has(fault_of(folder.path("large")), "is larger than 1 MiB"));
}

BOOST_AUTO_TEST_SUITE_END()
