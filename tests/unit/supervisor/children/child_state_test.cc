// The life of a child as a table: every state with every event.
#include "supervisor/children/child_state.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <optional>

using evermilter::supervisor::ChildChange;
using evermilter::supervisor::ChildState;
using evermilter::supervisor::name;
using evermilter::supervisor::next;

namespace {

constexpr std::array kStates = {ChildState::starting, ChildState::ready, ChildState::draining, ChildState::stopping,
                                ChildState::dead};
constexpr std::array kEvents = {ChildChange::ready,       ChildChange::drain, ChildChange::unfit,
                                ChildChange::channel_end, ChildChange::kill,  ChildChange::reaped};

} // namespace

BOOST_AUTO_TEST_SUITE(worker_state)

BOOST_AUTO_TEST_CASE(a_worker_goes_the_normal_way) {
    BOOST_TEST((next(ChildState::starting, ChildChange::ready) == ChildState::ready));
    BOOST_TEST((next(ChildState::ready, ChildChange::drain) == ChildState::draining));
    BOOST_TEST((next(ChildState::draining, ChildChange::channel_end) == ChildState::stopping));
    BOOST_TEST((next(ChildState::stopping, ChildChange::reaped) == ChildState::dead));
}

BOOST_AUTO_TEST_CASE(a_worker_told_to_drain_before_it_was_ready_never_gets_work) {
    const auto draining = next(ChildState::starting, ChildChange::drain);
    BOOST_REQUIRE((draining == ChildState::draining));
    BOOST_TEST((next(*draining, ChildChange::ready) == ChildState::draining));
}

// Every state with every event; a nullopt is a fault of the child, which is killed.
BOOST_AUTO_TEST_CASE(the_whole_table_is_as_written_here) {
    using enum ChildState;
    constexpr std::nullopt_t fault = std::nullopt;
    // starting, ready, draining, stopping, dead: by event in the order of kEvents
    const std::array<std::array<std::optional<ChildState>, kEvents.size()>, kStates.size()> table = {{
        {ready, draining, draining, stopping, stopping, dead},
        {fault, draining, draining, stopping, stopping, dead},
        {draining, draining, draining, stopping, stopping, dead},
        {stopping, stopping, stopping, stopping, stopping, dead},
        {fault, fault, fault, dead, dead, fault},
    }};
    for (std::size_t state = 0; state < kStates.size(); ++state)
        for (std::size_t event = 0; event < kEvents.size(); ++event)
            BOOST_TEST_CONTEXT(name(kStates.at(state)) << " " << name(kEvents.at(event)))
    BOOST_TEST((next(kStates.at(state), kEvents.at(event)) == table.at(state).at(event)));
}

BOOST_AUTO_TEST_CASE(saying_ready_twice_is_a_fault) {
    BOOST_TEST((next(ChildState::ready, ChildChange::ready) == std::nullopt));
}

BOOST_AUTO_TEST_CASE(whatever_lives_can_be_killed_and_reaped) {
    for (const ChildState state : kStates) {
        if (state == ChildState::dead) continue;
        BOOST_TEST_CONTEXT(name(state)) {
            BOOST_TEST((next(state, ChildChange::kill) == ChildState::stopping));
            BOOST_TEST((next(state, ChildChange::channel_end) == ChildState::stopping));
            BOOST_TEST((next(state, ChildChange::reaped) == ChildState::dead));
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_brings_a_dead_or_stopping_worker_back) {
    for (const ChildState state : {ChildState::stopping, ChildState::dead}) {
        for (const ChildChange event : kEvents) {
            const auto after = next(state, event);
            BOOST_TEST_CONTEXT(name(state) << " " << name(event)) {
                BOOST_TEST((!after || *after == ChildState::stopping || *after == ChildState::dead));
                if (state == ChildState::dead) BOOST_TEST((!after || *after == ChildState::dead));
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
