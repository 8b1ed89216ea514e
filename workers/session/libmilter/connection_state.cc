#include "workers/session/libmilter/connection_state.h"

#include <array>

namespace evermilter::session::libmilter {
namespace {

using enum ConnectionState;
using enum ConnectionEvent;

struct Row {
    ConnectionState from;
    ConnectionEvent event;
    Change change;
};

constexpr Change tell_begun(ConnectionState to) {
    return {to, PacketNotice::begun};
}
constexpr Change tell_whole(ConnectionState to) {
    return {to, PacketNotice::whole};
}

constexpr std::array kRows = {
    // On its way to a thread.
    Row{accepted, picked_up, {served}},
    Row{accepted, given_up, {unserved}},
    Row{dispatched, picked_up, {served}},
    Row{dispatched, given_up, {unserved}},
    Row{dispatched_part, picked_up, {reading}},
    Row{dispatched_part, given_up, {unserved}},
    Row{unserved, picked_up, {served}}, // too late: its callbacks find no session
    // With a thread.
    Row{served, waits, tell_begun(reading)},
    Row{served, has_read, {served}},
    Row{served, returned, {listed}},
    Row{reading, waits, {reading}},
    Row{reading, has_read, tell_whole(served)},
    // Waiting for a packet.
    Row{listed, silent, {asleep}},
    Row{listed, begun, tell_begun(growing)},
    Row{listed, unwatchable, tell_begun(stalled)},
    Row{listed, let_through, {dispatched}},
    Row{asleep, trickled, {asleep_seldom}},
    Row{asleep, reported, {woken}},
    Row{asleep_seldom, reported, {woken}},
    Row{woken, begun, tell_begun(growing)},
    Row{woken, unwatchable, tell_begun(stalled)},
    Row{woken, let_through, {dispatched}},
    // Waiting for the rest of one.
    Row{growing, trickled, {growing_seldom}},
    Row{growing, completed, tell_whole(woken)},
    Row{growing, stuck, {stalled}},
    Row{growing_seldom, completed, tell_whole(woken)},
    Row{growing_seldom, stuck, {stalled}},
    Row{stalled, let_through, {dispatched_part}},
    // The end.
    Row{accepted, forgotten, {gone}},
    Row{listed, forgotten, {gone}},
    Row{asleep, forgotten, {gone}},
    Row{asleep_seldom, forgotten, {gone}},
    Row{woken, forgotten, {gone}},
    Row{growing, forgotten, {gone}},
    Row{growing_seldom, forgotten, {gone}},
    Row{stalled, forgotten, {gone}},
    Row{dispatched, forgotten, {gone}},
    Row{dispatched_part, forgotten, {gone}},
    Row{unserved, forgotten, {gone}},
    Row{served, forgotten, {gone}},
    Row{reading, forgotten, {gone}},
};

using Matrix = std::array<std::array<std::optional<Change>, kConnectionEvents>, kConnectionStates>;

constexpr Matrix matrix() {
    Matrix all{};
    for (const Row& row : kRows)
        all.at(static_cast<std::size_t>(row.from)).at(static_cast<std::size_t>(row.event)) = row.change;
    return all;
}

constexpr Matrix kMatrix = matrix();

constexpr std::array<const char*, kConnectionStates> kStateNames = {
    "accepted", "listed",     "asleep",          "asleep-seldom", "woken",  "growing", "growing-seldom",
    "stalled",  "dispatched", "dispatched-part", "unserved",      "served", "reading", "gone"};

constexpr std::array<const char*, kConnectionEvents> kEventNames = {
    "returned", "silent",      "reported",  "trickled", "begun", "unwatchable", "completed",
    "stuck",    "let-through", "picked-up", "given-up", "waits", "has-read",    "forgotten"};

} // namespace

std::optional<Change> change(ConnectionState state, ConnectionEvent event) noexcept {
    return kMatrix[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

const char* state_name(ConnectionState state) noexcept {
    return kStateNames[static_cast<std::size_t>(state)];
}

const char* event_name(ConnectionEvent event) noexcept {
    return kEventNames[static_cast<std::size_t>(event)];
}

Watch watch_of(ConnectionState state) noexcept {
    switch (state) {
        case asleep:
        case growing:
            return Watch::often;
        case asleep_seldom:
        case growing_seldom:
            return Watch::seldom;
        case accepted:
        case listed:
        case woken:
        case stalled:
        case dispatched:
        case dispatched_part:
        case unserved:
        case served:
        case reading:
        case gone:
            break;
    }
    return Watch::none;
}

bool is_packet_open(ConnectionState state) noexcept {
    switch (state) {
        case growing:
        case growing_seldom:
        case stalled:
        case dispatched_part:
        case reading:
            return true;
        case accepted:
        case listed:
        case asleep:
        case asleep_seldom:
        case woken:
        case dispatched:
        case unserved:
        case served:
        case gone:
            break;
    }
    return false;
}

} // namespace evermilter::session::libmilter
