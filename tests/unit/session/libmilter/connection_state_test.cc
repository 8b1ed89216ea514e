// The table of the connection's states, whole: every state with every event.
#include "workers/session/libmilter/connection_state.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <string_view>

namespace evermilter::session::libmilter {
namespace {

// A row a state, a column an event, in the order of the enums; the letter names the state that follows, '.' is a fault.
// "<" behind it: the session hears that a packet has begun; ">": that it is whole.
//   a accepted, l listed, s asleep, S asleep_seldom, w woken, g growing, G growing_seldom, t stalled, d dispatched,
//   D dispatched_part, u unserved, v served, r reading, x gone
constexpr std::string_view kLetters = "alsSwgGtdDuvrx";

struct Row {
    std::string_view state;
    std::array<std::string_view, kConnectionEvents> next;
};
constexpr std::array<Row, kConnectionStates> kTable = {{
    // returned silent reported trickled begun unwatchable completed stuck let_through picked_up given_up waits has_read
    // forgotten
    {"accepted", {".", ".", ".", ".", ".", ".", ".", ".", ".", "v", "u", ".", ".", "x"}},
    {"listed", {".", "s", ".", ".", "g<", "t<", ".", ".", "d", ".", ".", ".", ".", "x"}},
    {"asleep", {".", ".", "w", "S", ".", ".", ".", ".", ".", ".", ".", ".", ".", "x"}},
    {"asleep-seldom", {".", ".", "w", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "x"}},
    {"woken", {".", ".", ".", ".", "g<", "t<", ".", ".", "d", ".", ".", ".", ".", "x"}},
    {"growing", {".", ".", ".", "G", ".", ".", "w>", "t", ".", ".", ".", ".", ".", "x"}},
    {"growing-seldom", {".", ".", ".", ".", ".", ".", "w>", "t", ".", ".", ".", ".", ".", "x"}},
    {"stalled", {".", ".", ".", ".", ".", ".", ".", ".", "D", ".", ".", ".", ".", "x"}},
    {"dispatched", {".", ".", ".", ".", ".", ".", ".", ".", ".", "v", "u", ".", ".", "x"}},
    {"dispatched-part", {".", ".", ".", ".", ".", ".", ".", ".", ".", "r", "u", ".", ".", "x"}},
    {"unserved", {".", ".", ".", ".", ".", ".", ".", ".", ".", "v", ".", ".", ".", "x"}},
    {"served", {"l", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "r<", "v", "x"}},
    {"reading", {".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "r", "v>", "x"}},
    {"gone", {".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "."}},
}};

std::string text(const std::optional<Change>& change) {
    if (!change) return ".";
    std::string letters(1, kLetters.at(static_cast<std::size_t>(change->to)));
    if (change->notice == PacketNotice::begun) letters += '<';
    if (change->notice == PacketNotice::whole) letters += '>';
    return letters;
}

template <class Check> // (ConnectionState, ConnectionEvent, std::optional<Change>)
void for_each_cell(Check&& check) {
    for (std::size_t state = 0; state < kConnectionStates; ++state)
        for (std::size_t event = 0; event < kConnectionEvents; ++event) {
            const auto from = static_cast<ConnectionState>(state);
            const auto what = static_cast<ConnectionEvent>(event);
            BOOST_TEST_CONTEXT(state_name(from) << " × " << event_name(what)) {
                check(from, what, change(from, what));
            }
        }
}

BOOST_AUTO_TEST_SUITE(connection_state_test)

BOOST_AUTO_TEST_CASE(every_state_answers_every_event_as_the_table_says) {
    for (std::size_t state = 0; state < kConnectionStates; ++state)
        BOOST_TEST(state_name(static_cast<ConnectionState>(state)) == kTable.at(state).state);
    for_each_cell([](ConnectionState from, ConnectionEvent event, const std::optional<Change>& change) {
        BOOST_TEST(text(change) == kTable.at(static_cast<std::size_t>(from)).next.at(static_cast<std::size_t>(event)));
    });
}

BOOST_AUTO_TEST_CASE(states_and_events_have_names_of_their_own) {
    std::set<std::string> names;
    for (std::size_t state = 0; state < kConnectionStates; ++state)
        BOOST_TEST(names.insert(state_name(static_cast<ConnectionState>(state))).second);
    for (std::size_t event = 0; event < kConnectionEvents; ++event)
        BOOST_TEST(names.insert(event_name(static_cast<ConnectionEvent>(event))).second);
}

BOOST_AUTO_TEST_CASE(a_session_hears_of_the_begin_and_the_end_of_a_packet_in_turn) {
    for_each_cell([](ConnectionState from, ConnectionEvent event, const std::optional<Change>& change) {
        if (!change || event == ConnectionEvent::forgotten || event == ConnectionEvent::given_up) return;
        const bool before = is_packet_open(from);
        const bool after = is_packet_open(change->to);
        BOOST_TEST((change->notice == PacketNotice::begun) == (!before && after));
        BOOST_TEST((change->notice == PacketNotice::whole) == (before && !after));
    });
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_gone_has_no_further_state_and_every_other_can_go) {
    for_each_cell([](ConnectionState from, ConnectionEvent event, const std::optional<Change>& change) {
        const bool gone = from == ConnectionState::gone;
        if (gone || event == ConnectionEvent::forgotten) BOOST_TEST(change.has_value() == !gone);
        if (change) BOOST_TEST((change->to == ConnectionState::gone) == (event == ConnectionEvent::forgotten));
    });
}

BOOST_AUTO_TEST_CASE(only_a_connection_that_waits_for_its_client_is_watched) {
    for_each_cell([](ConnectionState from, ConnectionEvent, const std::optional<Change>& change) {
        // What is watched is left only for what poll(2) names next, or for the end.
        if (!change || watch_of(from) == Watch::none) return;
        BOOST_TEST((watch_of(change->to) == Watch::seldom || change->to == ConnectionState::woken ||
                    change->to == ConnectionState::stalled || change->to == ConnectionState::gone));
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session::libmilter
