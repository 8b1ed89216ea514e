// What libclamav opened must be what is there: layers are played here, and a hostile sender chooses all of them.
#include "workers/scanner/look/content_watch.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/corpus/archive.h"
#include "tests/support/messages.h"

namespace evermilter::scanner {
namespace {

const auto kForever = std::chrono::steady_clock::time_point::max();

Layer layer(std::uint32_t level, const char* type, std::string_view bytes) {
    Layer made;
    made.level = level;
    made.type = type;
    made.bytes = bytes;
    return made;
}

// What is handed out to be scanned by itself.
std::vector<std::string> unopened(ContentWatch& watch) {
    std::vector<std::string> found;
    while (const auto one = watch.take_unopened())
        found.emplace_back(one->bytes_kept.empty() ? std::string(one->bytes) : one->bytes_kept);
    std::sort(found.begin(), found.end());
    return found;
}

using Texts = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(content_watch)

BOOST_AUTO_TEST_CASE(a_member_that_was_opened_is_not_scanned_again_and_one_that_was_not_is) {
    const std::string one = "the first of the members";
    const std::string two = "the second of them, and longer";
    const std::string archive = test::zip({{"one", one}, {"two", two}});
    ContentWatch watch({}, kForever);
    watch.begin_scan();
    watch.open(layer(1, "CL_TYPE_ZIP", archive));
    watch.open(layer(2, "CL_TYPE_TEXT_ASCII", one));
    watch.end_scan({});
    BOOST_TEST(unopened(watch) == Texts{two}, boost::test_tools::per_element());
    BOOST_TEST(watch.ledger().empty());
}

BOOST_AUTO_TEST_CASE(one_layer_does_not_speak_for_two_members_that_are_alike) {
    const std::string same = "twice the same content in one archive";
    const std::string archive = test::zip({{"one", same}, {"two", same}});
    ContentWatch watch({}, kForever);
    watch.begin_scan();
    watch.open(layer(1, "CL_TYPE_ZIP", archive));
    watch.open(layer(2, "CL_TYPE_TEXT_ASCII", same));
    watch.end_scan({});
    BOOST_TEST(unopened(watch) == (Texts{same, same}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_same_bytes_in_another_place_speak_for_no_member) {
    const std::string hidden = "a member that libclamav could not open";
    const std::string beside = "a document in which the same bytes stand";
    const std::string archive = test::zip({{"hidden", hidden}, {"beside", beside}});
    ContentWatch watch({}, kForever);
    watch.begin_scan();
    watch.open(layer(1, "CL_TYPE_TEXT_ASCII", hidden)); // before it
    watch.open(layer(1, "CL_TYPE_ZIP", archive));
    watch.open(layer(2, "CL_TYPE_PDF", beside));
    watch.open(layer(3, "CL_TYPE_TEXT_ASCII", hidden)); // in another member
    watch.open(layer(1, "CL_TYPE_TEXT_ASCII", hidden)); // behind it
    watch.end_scan({});
    BOOST_TEST(unopened(watch) == Texts{hidden}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_members_of_which_only_the_size_is_known_all_of_that_size_are_scanned_where_one_is_missing) {
    const std::string good(700, 'g');
    const std::string hidden(700, 'h');
    const std::string archive = corpus::archive({"ustar"}, {{"a", good}, {"b", hidden}, {"c", std::string(800, 'c')}});
    ContentWatch watch({}, kForever);
    watch.begin_scan();
    watch.open(layer(1, "CL_TYPE_POSIX_TAR", archive));
    watch.open(layer(2, "CL_TYPE_TEXT_ASCII", good));
    watch.open(layer(2, "CL_TYPE_TEXT_ASCII", std::string(800, 'c')));
    watch.end_scan({});
    BOOST_TEST(unopened(watch) == (Texts{good, hidden}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_part_that_is_like_another_but_for_blanks_is_scanned) {
    const std::string mail = test::multipart_mail({test::attachment("a.com", "X5O!P%@AP[4 without its blanks")});
    ContentWatch watch({}, kForever);
    watch.read_message(mail);
    watch.begin_scan();
    watch.open(layer(0, "CL_TYPE_MAIL", mail));
    watch.open(layer(1, "CL_TYPE_TEXT_ASCII", "X5O!P%@AP[4  without\tits blanks"));
    watch.end_scan({});
    BOOST_TEST(unopened(watch) == Texts{"X5O!P%@AP[4 without its blanks"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_part_whose_lines_end_in_another_way_was_opened) {
    const std::string mail = test::multipart_mail({test::text_part("two\r\nlines")});
    ContentWatch watch({}, kForever);
    watch.read_message(mail);
    watch.begin_scan();
    watch.open(layer(0, "CL_TYPE_MAIL", mail));
    watch.open(layer(1, "CL_TYPE_TEXT_ASCII", "two\nlines\n\n"));
    watch.end_scan({});
    BOOST_TEST(unopened(watch).empty());
}

BOOST_AUTO_TEST_CASE(past_a_limit_of_the_site_nothing_is_unpacked_and_the_limit_is_told) {
    const std::string archive = test::zip({{"one", "some content of a member"}});
    ContentWatch watch({}, kForever);
    watch.begin_scan();
    watch.open(layer(1, "CL_TYPE_ZIP", archive));
    watch.end_scan({"MaxFiles"});
    BOOST_TEST(unopened(watch).empty());
    BOOST_TEST(watch.ledger().labels(100) == "MaxFiles");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
