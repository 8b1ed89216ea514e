#include "workers/common/shared/snapshot_paths.h"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

#include "tests/support/folder.h"

using namespace evermilter;

BOOST_AUTO_TEST_SUITE(snapshot_paths_test)

BOOST_AUTO_TEST_CASE(the_id_is_the_last_part_of_a_path_or_none) {
    BOOST_TEST(snapshot_id("/state/snapshots/17") == 17U);
    BOOST_TEST(snapshot_id("17") == 17U);
    for (const char* path :
         {"", "/state/snapshots/", "/state/17/x", ".loading-17", "17x", "-1", "18446744073709551615"})
        BOOST_TEST(snapshot_id(path) == 0U, path);
}

BOOST_AUTO_TEST_CASE(all_are_found_newest_first_and_nothing_else) {
    const test::Folder folder;
    const std::string state = folder / "state";
    BOOST_TEST(snapshot_paths(state).empty());
    for (const char* name : {"9", "10", "2", ".loading-11", "old"})
        std::filesystem::create_directories(snapshots_folder(state) + "/" + name);
    const auto found = snapshot_paths(state);
    BOOST_TEST_REQUIRE(found.size() == 3U);
    BOOST_TEST((found[0].id == 10 && found[1].id == 9 && found[2].id == 2));
    BOOST_TEST(found[0].path == snapshots_folder(state) + "/10");
}

BOOST_AUTO_TEST_SUITE_END()
