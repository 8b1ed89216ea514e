#include "workers/scanner/snapshot_store.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <memory>

#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter::scanner {
namespace {

struct State {
    // A generation that was proven, and whose loader lives as long as what is returned.
    std::unique_ptr<SnapshotStore> living(std::uint64_t generation) const {
        auto store = std::make_unique<SnapshotStore>(folder.path());
        const auto begun = store->begin(generation);
        BOOST_REQUIRE(begun.ok());
        test::write_file(*begun + "/x.ndb", "content");
        BOOST_REQUIRE(store->publish({}).ok());
        return store;
    }
    std::vector<std::string> kept() const {
        std::vector<std::string> names;
        for (const std::string& entry : test::entries_below(folder / "snapshots"))
            if (entry.find('/') == std::string::npos) names.push_back(entry);
        return names;
    }
    test::Folder folder;
};

using Names = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(snapshot_store)

BOOST_FIXTURE_TEST_CASE(a_snapshot_has_its_generations_name_only_when_it_is_proven, State) {
    SnapshotStore store(folder.path());
    const auto begun = store.begin(12);
    BOOST_REQUIRE(begun.ok());
    BOOST_TEST(kept() == Names{".loading-12"}, boost::test_tools::per_element());
    const auto published = store.publish({});
    BOOST_REQUIRE(published.ok());
    BOOST_TEST(*published == (folder / "snapshots/12").string());
    BOOST_TEST(kept() == Names{"12"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_refused_one_leaves_nothing, State) {
    SnapshotStore store(folder.path());
    const auto begun = store.begin(12);
    BOOST_REQUIRE(begun.ok());
    test::write_file(*begun + "/x.ndb", "content");
    store.discard();
    BOOST_TEST(kept().empty());
}

BOOST_FIXTURE_TEST_CASE(the_newest_are_kept_and_those_in_use_come_on_top, State) {
    for (std::uint64_t generation = 3; generation < 12; ++generation) (void)living(generation);
    const auto draining = living(2);
    const auto active = living(12);
    BOOST_REQUIRE(active->prune(3).ok());
    BOOST_TEST(kept() == (Names{"10", "11", "12", "2", "9"}), boost::test_tools::per_element());
    BOOST_REQUIRE(active->prune(0).ok());
    BOOST_TEST(kept() == (Names{"12", "2"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_a_dead_loader_left_is_removed_and_what_a_living_one_makes_is_not, State) {
    { // died in the middle
        SnapshotStore dead(folder.path());
        BOOST_REQUIRE(dead.begin(1).ok());
    }
    SnapshotStore alive(folder.path());
    BOOST_REQUIRE(alive.begin(2).ok());
    BOOST_TEST(kept() == Names{".loading-2"}, boost::test_tools::per_element());
    SnapshotStore next(folder.path());
    BOOST_REQUIRE(next.begin(3).ok());
    BOOST_TEST(kept() == (Names{".loading-2", ".loading-3"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_reused_snapshot_stays_where_it_is, State) {
    (void)living(4);
    SnapshotStore store(folder.path());
    const auto reused = store.reuse(folder / "snapshots/4");
    BOOST_REQUIRE(reused.ok());
    store.discard();
    const auto published = store.publish({});
    BOOST_REQUIRE(published.ok());
    BOOST_TEST(*published == (folder / "snapshots/4").string());
    BOOST_REQUIRE(store.prune(0).ok());
    BOOST_TEST(kept() == Names{"4"}, boost::test_tools::per_element());
    SnapshotStore other(folder.path());
    const auto missing = other.reuse(folder / "snapshots/99");
    BOOST_REQUIRE(!missing.ok());
    BOOST_TEST(missing.error().exit_code == EX_NOINPUT);
}

BOOST_FIXTURE_TEST_CASE(a_state_directory_that_cannot_be_written_is_73, State) {
    SnapshotStore store(folder / "missing");
    const auto begun = store.begin(1);
    BOOST_REQUIRE(!begun.ok());
    BOOST_TEST(begun.error().exit_code == EX_CANTCREAT);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
