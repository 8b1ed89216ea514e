// The decision of reload.memory_check: from figures to a refusal or none.
#include "workers/scanner/memory/need.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter::scanner {
namespace {

constexpr std::uint64_t kMiB = 1024UL * 1024;

} // namespace

BOOST_AUTO_TEST_SUITE(memory_need)

BOOST_AUTO_TEST_CASE(a_measured_engine_counts_only_for_a_database_of_its_order_of_size) {
    const struct {
        const char* promise;
        ActiveEngine active;
        std::uint64_t expected;
        std::uint64_t need;
    } rows[] = {
        {"nothing is active: what the kinds give", {0, 0}, 700 * kMiB, 700 * kMiB},
        {"the same database needs what it took", {1300 * kMiB, 700 * kMiB}, 700 * kMiB, 1300 * kMiB},
        {"a database that grew by a tenth", {1300 * kMiB, 700 * kMiB}, 770 * kMiB, 1430 * kMiB},
        {"one that shrank to the half", {1300 * kMiB, 700 * kMiB}, 350 * kMiB, 650 * kMiB},
        {"an engine of a few signatures says nothing about millions", {9 * kMiB, 100}, 700 * kMiB, 700 * kMiB},
        {"nor the other way round", {1300 * kMiB, 700 * kMiB}, 100, 100},
        {"an engine that was not measured", {0, 700 * kMiB}, 700 * kMiB, 700 * kMiB},
        {"an empty database needs nothing", {1300 * kMiB, 700 * kMiB}, 0, 0},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.promise)
        BOOST_TEST(engine_need(row.active, row.expected) / kMiB == row.need / kMiB);
    }
}

BOOST_AUTO_TEST_CASE(too_little_anywhere_is_a_refusal_with_the_figures) {
    const std::vector<MemoryLeft> roomy = {{"on this machine", 4000 * kMiB},
                                           {"in the control group /mail", 1300 * kMiB}};
    BOOST_TEST(check_memory(1300 * kMiB, roomy).ok());
    BOOST_TEST(check_memory(1300 * kMiB, {}).ok()); // nothing known is no reason

    const auto refused = check_memory(1301 * kMiB, roomy);
    BOOST_TEST_REQUIRE(!refused.ok());
    BOOST_TEST(refused.error().exit_code == EX_OSERR);
    BOOST_TEST(refused.error().reason ==
               "not enough memory: the engine needs about 1301 MiB, in the control group /mail there are 1300 MiB left "
               "(reload.memory_check = false loads it all the same)");
}

BOOST_AUTO_TEST_CASE(what_a_file_becomes_depends_on_its_kind) {
    const auto hashes = expected_engine("a.hsb", 100 * kMiB, false);
    BOOST_TEST(hashes > 100 * kMiB);
    BOOST_TEST(expected_engine("a.MDB", 100 * kMiB, false) == hashes);
    BOOST_TEST(expected_engine("a.ldb", 100 * kMiB, false) > 5 * hashes);
    BOOST_TEST(expected_engine("daily.cvd", 100 * kMiB, true) > 2 * expected_engine("daily.cld", 100 * kMiB, false));
    BOOST_TEST(expected_engine("a.ign2", 100, false) == 100U);
}

BOOST_AUTO_TEST_CASE(a_folder_is_the_sum_of_its_databases_and_archives_are_looked_into) {
    const test::Folder folder;
    const std::string header(512, ' ');
    test::write_file(folder / "a.hdb", std::string(1000, 'x'));
    test::write_file(folder / "b.cvd", header + "\x1f\x8b" + std::string(1000, 'x'));
    test::write_file(folder / "c.cld", header + std::string(1000, 'x'));
    test::write_file(folder / "freshclam.dat", std::string(100000, 'x'));
    BOOST_TEST(expected_engine(folder.path().string()) == expected_engine("a.hdb", 1000, false) +
                                                              expected_engine("b.cvd", 1514, true) +
                                                              expected_engine("c.cld", 1512, false));
    BOOST_TEST(expected_engine((folder / "missing").string()) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
