// Which snapshots there are to fall back to.
#include "supervisor/snapshots.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using evermilter::supervisor::proven_snapshots;

BOOST_AUTO_TEST_SUITE(snapshots)

BOOST_AUTO_TEST_CASE(only_proven_snapshots_are_found_the_newest_first) {
    std::string folder = "/tmp/evermilter-snapshots-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
    for (const char* name : {"9", "10", "2", ".loading-11", "12.old", "x"})
        std::filesystem::create_directories(folder + "/snapshots/" + name);
    const std::vector<std::string> expected = {folder + "/snapshots/10", folder + "/snapshots/9",
                                               folder + "/snapshots/2"};
    BOOST_TEST(proven_snapshots(folder) == expected, boost::test_tools::per_element());
    std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_missing_holds_none) {
    BOOST_TEST(proven_snapshots("/nonexistent/evermilter").empty());
}

BOOST_AUTO_TEST_SUITE_END()
