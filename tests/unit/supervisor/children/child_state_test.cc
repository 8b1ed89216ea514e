// The life of a child as a table: every state with every event.
#include "supervisor/children/child_state.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <optional>

using evermilter::supervisor::name;
using evermilter::supervisor::next;
using evermilter::supervisor::WorkerEvent;
using evermilter::supervisor::WorkerState;

namespace {

constexpr std::array kStates = {WorkerState::starting, WorkerState::ready, WorkerState::draining, WorkerState::stopping,
                                WorkerState::dead};
constexpr std::array kEvents = {WorkerEvent::ready,       WorkerEvent::drain, WorkerEvent::unfit,
                                WorkerEvent::channel_end, WorkerEvent::kill,  WorkerEvent::reaped};

} // namespace

BOOST_AUTO_TEST_SUITE(worker_state)

BOOST_AUTO_TEST_CASE(a_worker_goes_the_normal_way) {
    BOOST_TEST((next(WorkerState::starting, WorkerEvent::ready) == WorkerState::ready));
    BOOST_TEST((next(WorkerState::ready, WorkerEvent::drain) == WorkerState::draining));
    BOOST_TEST((next(WorkerState::draining, WorkerEvent::channel_end) == WorkerState::stopping));
    BOOST_TEST((next(WorkerState::stopping, WorkerEvent::reaped) == WorkerState::dead));
}

BOOST_AUTO_TEST_CASE(a_worker_told_to_drain_before_it_was_ready_never_gets_work) {
    const auto draining = next(WorkerState::starting, WorkerEvent::drain);
    BOOST_REQUIRE((draining == WorkerState::draining));
    BOOST_TEST((next(*draining, WorkerEvent::ready) == WorkerState::draining));
}

// Every state with every event; a nullopt is a fault of the child, which is killed.
BOOST_AUTO_TEST_CASE(the_whole_table_is_as_written_here) {
    using enum WorkerState;
    constexpr std::nullopt_t fault = std::nullopt;
    // starting, ready, draining, stopping, dead: by event in the order of kEvents
    const std::array<std::array<std::optional<WorkerState>, kEvents.size()>, kStates.size()> table = {{
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
    BOOST_TEST((next(WorkerState::ready, WorkerEvent::ready) == std::nullopt));
}

BOOST_AUTO_TEST_CASE(whatever_lives_can_be_killed_and_reaped) {
    for (const WorkerState state : kStates) {
        if (state == WorkerState::dead) continue;
        BOOST_TEST_CONTEXT(name(state)) {
            BOOST_TEST((next(state, WorkerEvent::kill) == WorkerState::stopping));
            BOOST_TEST((next(state, WorkerEvent::channel_end) == WorkerState::stopping));
            BOOST_TEST((next(state, WorkerEvent::reaped) == WorkerState::dead));
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_brings_a_dead_or_stopping_worker_back) {
    for (const WorkerState state : {WorkerState::stopping, WorkerState::dead}) {
        for (const WorkerEvent event : kEvents) {
            const auto after = next(state, event);
            BOOST_TEST_CONTEXT(name(state) << " " << name(event)) {
                BOOST_TEST((!after || *after == WorkerState::stopping || *after == WorkerState::dead));
                if (state == WorkerState::dead) BOOST_TEST((!after || *after == WorkerState::dead));
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
