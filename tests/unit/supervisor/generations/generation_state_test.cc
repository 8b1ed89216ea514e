// The life of a generation as a table.
#include "supervisor/generations/generation_state.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <optional>

using evermilter::supervisor::GenerationEvent;
using evermilter::supervisor::GenerationState;
using evermilter::supervisor::name;
using evermilter::supervisor::next;

namespace {

using State = GenerationState;
using Event = GenerationEvent;

struct Row {
    State state;
    Event event;
    std::optional<State> after;
};

// The whole table once more, as what is promised.
const std::array kRows = {
    Row{State::loading, Event::activated, State::active},  Row{State::loading, Event::refused, State::failed},
    Row{State::loading, Event::superseded, std::nullopt},  Row{State::loading, Event::stopped, State::failed},
    Row{State::loading, Event::reaped, State::failed},     Row{State::active, Event::activated, std::nullopt},
    Row{State::active, Event::refused, std::nullopt},      Row{State::active, Event::superseded, State::draining},
    Row{State::active, Event::stopped, State::draining},   Row{State::active, Event::reaped, State::gone},
    Row{State::draining, Event::activated, std::nullopt},  Row{State::draining, Event::refused, std::nullopt},
    Row{State::draining, Event::superseded, std::nullopt}, Row{State::draining, Event::stopped, State::draining},
    Row{State::draining, Event::reaped, State::gone},      Row{State::failed, Event::activated, std::nullopt},
    Row{State::failed, Event::refused, State::failed},     Row{State::failed, Event::superseded, std::nullopt},
    Row{State::failed, Event::stopped, State::failed},     Row{State::failed, Event::reaped, State::failed},
    Row{State::gone, Event::activated, std::nullopt},      Row{State::gone, Event::refused, std::nullopt},
    Row{State::gone, Event::superseded, std::nullopt},     Row{State::gone, Event::stopped, State::gone},
    Row{State::gone, Event::reaped, std::nullopt},
};

} // namespace

BOOST_AUTO_TEST_SUITE(generation_state_test)

BOOST_AUTO_TEST_CASE(each_event_in_each_state_has_its_one_outcome) {
    for (const Row& row : kRows) {
        BOOST_TEST_CONTEXT(name(row.state) << " " << name(row.event)) {
            BOOST_TEST((next(row.state, row.event) == row.after));
        }
    }
}

BOOST_AUTO_TEST_CASE(only_a_loading_generation_becomes_active) {
    for (const Row& row : kRows) {
        if (row.after == State::active) BOOST_TEST((row.state == State::loading && row.event == Event::activated));
    }
}

BOOST_AUTO_TEST_SUITE_END()
