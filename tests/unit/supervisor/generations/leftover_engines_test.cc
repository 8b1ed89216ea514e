// Waiting for the engines that a supervisor that was killed has left in memory.
#include "supervisor/generations/leftover_engines.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/parse.h"
#include "tests/unit/supervisor/time_by_hand.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::uint64_t>;

struct Case {
    test::TimeByHand time;
    State state;
    Settings settings;
    std::optional<Ids> locked = Ids{};
    unsigned gone = 0;
    Ids wiped;
    LeftoverEngines engines{time,
                            state,
                            settings,
                            {[this] {
                                 return locked ? Result<Ids>(*locked) : Result<Ids>(Error{5, "unreadable"});
                             },
                             [this] { ++gone; }, [this](std::uint64_t id) { wiped.push_back(id); }}};

    Case() { settings.config = config::defaults(); }
    std::chrono::nanoseconds bound() const {
        return settings.config.timeouts.shutdown + settings.config.scanner.max_scan_time + 20s;
    }
    bool waits() const { return !state.waits_for.empty(); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(leftover_engines_test)

BOOST_FIXTURE_TEST_CASE(where_nothing_is_left_nothing_is_waited_for, Case) {
    engines.look();
    BOOST_TEST(!waits());
    BOOST_TEST(gone == 0U); // there was no wait
    BOOST_TEST(!time.next().has_value());
}

BOOST_FIXTURE_TEST_CASE(locks_that_cannot_be_read_are_not_waited_for, Case) {
    locked.reset();
    engines.look();
    BOOST_TEST(!waits());
    BOOST_TEST(!time.next().has_value());
}

BOOST_FIXTURE_TEST_CASE(the_first_load_waits_until_the_last_engine_is_gone_and_what_they_left_is_wiped, Case) {
    locked = Ids{3, 4};
    engines.look();
    BOOST_TEST(state.waits_for.find("3, 4") != std::string::npos);
    time.pass(5s);
    locked = Ids{4};
    time.pass(100ms);
    BOOST_TEST(state.waits_for.find("generation 4:") != std::string::npos);
    BOOST_TEST(gone == 0U);
    locked = Ids{};
    time.pass(100ms);
    BOOST_TEST(!waits());
    BOOST_TEST(gone == 1U);
    BOOST_TEST(wiped == (Ids{3, 4}), boost::test_tools::per_element());
    BOOST_TEST(!time.next().has_value());
}

BOOST_FIXTURE_TEST_CASE(one_engine_that_stays_past_all_deadlines_is_loaded_beside_two_are_not, Case) {
    locked = Ids{3, 4};
    engines.look();
    time.pass(bound() + 10min);
    BOOST_TEST(waits());
    BOOST_TEST(gone == 0U);
    locked = Ids{4};
    time.pass(100ms);
    BOOST_TEST(!waits());
    BOOST_TEST(gone == 1U);
    BOOST_TEST(wiped.empty()); // it is in use
    BOOST_TEST(!time.next().has_value());
}

BOOST_FIXTURE_TEST_CASE(one_engine_is_waited_for_as_long_as_its_processes_may_take, Case) {
    locked = Ids{4};
    engines.look();
    time.pass(bound());
    BOOST_TEST(waits());
    time.pass(100ms);
    BOOST_TEST(!waits());
    BOOST_TEST(gone == 1U);
}

BOOST_FIXTURE_TEST_CASE(after_a_stop_nothing_is_looked_at, Case) {
    locked = Ids{4};
    engines.look();
    engines.stop();
    locked = Ids{};
    time.pass(1h);
    BOOST_TEST(gone == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
