// A site's own signatures: what a file may hold, and where it is wrong. That libclamav finds them: the integration
// test.
#include "workers/scanner/site_signatures.h"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <random>

#include "tests/support/folder.h"
#include "tests/support/proc.h"

using namespace evermilter::scanner;

namespace {

std::string compiled(const std::string& text) {
    const auto database = compile_site_signatures(text, "site");
    BOOST_REQUIRE_MESSAGE(database.ok(), text);
    return *database;
}
std::string fault(const std::string& text) {
    const auto database = compile_site_signatures(text, "site");
    return database.ok() ? "" : database.error().what;
}

} // namespace

BOOST_AUTO_TEST_SUITE(site_signatures)

BOOST_AUTO_TEST_CASE(lines_as_they_stand_in_a_mail_become_one_signature) {
    BOOST_TEST(
        compiled(
            "# ours\n\nWorm.A =\n0123456789abcdef\n\tname=\"x\"\n\n# and\nWorm.B =\r\nQUJDREVGR0hJSktMTU5PUA==\r\n") ==
        "Worm.A:0:*:30313233343536373839616263646566(0d0a|0a)096e616d653d227822\n"
        "Worm.B:0:*:51554a44524556475230684a536b744d5455355055413d3d\n");
}

BOOST_AUTO_TEST_CASE(a_name_ends_the_signature_before_it) {
    BOOST_TEST(compiled("A =\n0123456789abcdef\nB =\n0123456789abcdeg") ==
               "A:0:*:30313233343536373839616263646566\nB:0:*:30313233343536373839616263646567\n");
}

BOOST_AUTO_TEST_CASE(what_only_looks_like_a_name_is_a_line) {
    for (const char* line :
         {"QUJDREVGR0hJSktMTU5PUA=", "a b c d e f g h i =", "charset:iso-8859 =", "a=b=c=d=e=f=g=h="})
        BOOST_TEST(compiled("A =\n" + std::string(line) + "\n").find("A:0:*:") == 0U, line);
}

BOOST_AUTO_TEST_CASE(a_file_without_signatures_is_empty) {
    for (const char* text : {"", "\n\n", "# nothing\n", "# nothing"}) BOOST_TEST(compiled(text).empty());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_its_line) {
    BOOST_TEST(fault("\nstray\n").find("site:2: no signature has begun") == 0U);
    BOOST_TEST(fault("A=\n0123456789abcdef\n").find("site:1: no signature has begun") == 0U);
    BOOST_TEST(fault("A B =\n").find("site:1: ") == 0U);
    BOOST_TEST(fault("# x\nA =\n0123456789abcde\n").find("site:2: signature A has 15 bytes") == 0U);
    BOOST_TEST(fault("A =\n").find("site:1: signature A has 0 bytes") == 0U);
    BOOST_TEST(fault("A =\n\n0123456789abcdef\n").find("site:1: signature A has 0 bytes") == 0U);
    BOOST_TEST(fault("A =\n0123456789abcdef\nx\n").find("site:3: a line of a signature has two characters") == 0U);
    BOOST_TEST(fault("A =\n" + std::string(3501, 'x')).find("site:1: signature A has 3501 bytes") == 0U);
    BOOST_TEST(fault(std::string(101, 'n') + " =\n").find("site:1: a name has at most") == 0U);
    BOOST_TEST(compiled("A =\n" + std::string(3500, 'x')).size() < 8192U);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_taken_is_an_error_that_names_it) {
    const evermilter::test::Folder folder;
    BOOST_TEST(read_site_signatures(folder.path("absent")).error().code == ENOENT);
    BOOST_TEST(read_site_signatures(folder.path()).error().what.find("is not a regular file") != std::string::npos);
    evermilter::test::write_file(folder.path("large"), std::string(kLargestSiteFile + 1, '\n'));
    BOOST_TEST(read_site_signatures(folder.path("large")).error().code == EFBIG);
    evermilter::test::write_file(folder.path("site"), "A =\n0123456789abcdef\n");
    BOOST_TEST(read_site_signatures(folder.path("site")).ok());
}

BOOST_AUTO_TEST_CASE(whatever_a_file_holds_is_lines_of_a_database_or_a_fault) {
    std::mt19937 random(2005); // NOLINT(cert-msc51-cpp): the same bytes each time
    for (int round = 0; round < 5'000; ++round) {
        std::string text = "Worm.A =\n0123456789abcdef\n\nWorm.B =\nfedcba9876543210\n";
        for (auto change = random() % 5; change-- > 0;) text[random() % text.size()] = static_cast<char>(random());
        const auto database = compile_site_signatures(text, "site");
        if (!database) continue;
        for (const char c : *database)
            BOOST_TEST((std::isalnum(static_cast<unsigned char>(c)) ||
                        std::string_view(":*(|)\n._-").find(c) != std::string_view::npos));
    }
}

BOOST_AUTO_TEST_SUITE_END()
