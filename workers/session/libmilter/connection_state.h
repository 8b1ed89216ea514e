// The states of a connection that libmilter has, as the dispatcher sees it, and the one table of their changes. The
// dispatcher changes a state by this table only; an event that has no row in the present state is a fault. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace evermilter::session::libmilter {

enum class ConnectionState : std::uint8_t {
    accepted,        // accept() has returned it: on its way to a thread, nothing has been read from it
    listed,          // the controller waits for its next packet with poll(2)
    asleep,          // silent for a while: epoll reports its next bytes
    asleep_seldom,   // the same; it trickles, so that it is looked at once in a tick only
    woken,           // epoll reported it: poll(2) names it next
    growing,         // a packet has begun: epoll reports when it grows
    growing_seldom,  // the same; it trickles, so that it is looked at once in a tick only
    stalled,         // a begun packet that does not grow: poll(2) names it next, a thread may wait for the rest
    dispatched,      // let through, on its way to a thread
    dispatched_part, // the same, with a packet that is not whole
    unserved,        // no thread took it in time: it is about to be forgotten
    served,          // a thread of the pool has it
    reading,         // the same, and the packet that it reads is not whole
    gone,            // libmilter closes it: forgotten
};
inline constexpr std::size_t kConnectionStates = 14;

enum class ConnectionEvent : std::uint8_t {
    returned,    // its thread has given it back: it is in the controller's list again
    silent,      // it had no packet for a while
    reported,    // epoll reported bytes that a thread must read, or the end
    trickled,    // for longer than a tick only bytes have come that need no thread yet
    begun,       // poll(2) named it; its packet is not whole
    unwatchable, // the same, and the kernel refuses to watch it
    completed,   // the packet that has begun is whole, or the connection has ended
    stuck,       // the packet that has begun does not grow any more
    let_through, // the controller reports it to libmilter
    picked_up,   // a thread of the pool has polled it
    given_up,    // no thread did for kTicksToPickUp
    waits,       // its thread waits for the rest of a packet
    has_read,    // its thread has read the packet
    forgotten,   // libmilter is about to close it
};
inline constexpr std::size_t kConnectionEvents = 14;

// What the session hears of a change: timeouts.packet runs from the first to the second.
enum class PacketNotice : std::uint8_t { none, begun, whole };

struct Change {
    ConnectionState to = ConnectionState::gone;
    PacketNotice notice = PacketNotice::none;
    bool operator==(const Change&) const = default;
};

// Empty: a fault.
[[nodiscard]] std::optional<Change> change(ConnectionState state, ConnectionEvent event) noexcept;

// For the log.
[[nodiscard]] const char* state_name(ConnectionState state) noexcept;
[[nodiscard]] const char* event_name(ConnectionEvent event) noexcept;

// How the controller hears of a connection that poll(2) does not look at.
enum class Watch : std::uint8_t { none, often, seldom };
[[nodiscard]] Watch watch_of(ConnectionState state) noexcept;

// A packet has begun, and the session has not heard yet that it is whole.
[[nodiscard]] bool is_packet_open(ConnectionState state) noexcept;

} // namespace evermilter::session::libmilter
