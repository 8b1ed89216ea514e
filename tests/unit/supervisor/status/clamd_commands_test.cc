// clamd's VERSION and STATS, as monitoring reads them from clamd 1.4.6.
#include "supervisor/status/clamd_commands.h"

#include <boost/test/unit_test.hpp>

#include "tests/unit/supervisor/state_of_test.h"

using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;

BOOST_AUTO_TEST_SUITE(clamd_commands_test)

BOOST_AUTO_TEST_CASE(version_is_that_of_engine_and_databases) {
    State state;
    BOOST_TEST(clamd_version(state) == "ClamAV");
    fill(state);
    BOOST_TEST(clamd_version(state) == "ClamAV 1.4.6/27800/Fri Nov 20 09:36:00 2026");
    state.generations.front().database_version.clear();
    BOOST_TEST(clamd_version(state) == "ClamAV 1.4.6");
}

BOOST_AUTO_TEST_CASE(stats_have_clamds_lines_in_clamds_order) {
    State state;
    fill(state);
    BOOST_TEST(
        clamd_stats(view_of(state, around()), 6 * 1024 * 1024) ==
        "POOLS: 1\n"
        "\n"
        "STATE: VALID PRIMARY\n"
        "THREADS: live 2  idle 1 max 2 idle-timeout 30\n"
        "QUEUE: 0 items\n"
        "\tINSTREAM 0.500000 \n"
        "\n"
        "MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 2 pools_used 6.000M pools_total 6.000M\n"
        "END");
}

BOOST_AUTO_TEST_CASE(messages_that_wait_for_a_scanner_are_the_queue) {
    State state;
    fill(state);
    state.generations.front().board->slot(0).busy_since_ns.store(0);
    BOOST_TEST(clamd_stats(view_of(state, around()), 0).find("QUEUE: 1 items\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(without_an_active_generation_the_state_is_invalid) {
    const State state;
    BOOST_TEST(clamd_stats(view_of(state, {{}, {}, {}, kNow, 77, 2}), 0)
                   .find("STATE: INVALID PRIMARY\nTHREADS: live 0  idle 0 max 2 ") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
