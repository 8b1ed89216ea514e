// Which snapshots there are to fall back to.
#include "supervisor/generations/snapshots.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "workers/common/shared/snapshot_about.h"

using evermilter::SnapshotAbout;
using evermilter::supervisor::stored_snapshots;

BOOST_AUTO_TEST_SUITE(snapshots_test)

BOOST_AUTO_TEST_CASE(only_proven_snapshots_are_found_the_newest_first) {
    std::string folder = "/tmp/evermilter-snapshots-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
    for (const char* name : {"9", "10", "2", ".loading-11", "12.old", "x", "0", "9223372036854775807"})
        std::filesystem::create_directories(folder + "/snapshots/" + name);
    SnapshotAbout about;
    about.digest = std::string(64, 'a');
    about.signatures = 7;
    about.taken_at = 1'700'000'000;
    about.database_version = "27000/Thu Nov 26";
    BOOST_REQUIRE(evermilter::write_about(folder + "/snapshots/9", about).ok());
    std::ofstream(folder + "/snapshots/2/about") << "digest nonsense\nsignatures -5\n\n \ntaken";
    const auto found = stored_snapshots(folder);
    BOOST_REQUIRE(found.size() == 3U);
    BOOST_TEST(found[0].path == folder + "/snapshots/10");
    BOOST_TEST(found[0].digest.empty());
    BOOST_TEST(found[1].id == 9U);
    BOOST_TEST(found[1].digest == about.digest);
    BOOST_TEST(found[1].signatures == 7U);
    BOOST_TEST(found[1].taken_at == 1'700'000'000);
    BOOST_TEST(found[1].database_version == about.database_version);
    BOOST_TEST(found[2].id == 2U);
    BOOST_TEST(found[2].digest.empty());
    BOOST_TEST(found[2].signatures == 0U);
    std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_missing_holds_none) {
    BOOST_TEST(stored_snapshots("/nonexistent/evermilter").empty());
}

BOOST_AUTO_TEST_SUITE_END()
