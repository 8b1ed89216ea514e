// Which connection goes to a thread of libmilter, and when: one at a time, and only once its packet is whole. It keeps
// the connections' states (connection_state.h) and decides; it waits for nothing, and its time is handed in. What it
// asks of the system goes through Sockets. Not thread-safe: the caller holds the lock (shared.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "workers/session/libmilter/connection.h"
#include "workers/session/libmilter/connection_state.h"
#include "workers/session/libmilter/sockets.h"

namespace evermilter::session::libmilter {

// How long a session that was let through may remain without a thread. Counted in ticks of the thread that waits, so
// that a process that was stopped (SIGSTOP) does not count the time; long enough for a machine with far too much to do
// (a thread that was ready has been seen late by more than a second at a load of seven for each CPU).
inline constexpr std::chrono::milliseconds kTick{100};
inline constexpr int kTicksToPickUp = 30;

// A packet that does not grow although the client has more to send: its socket's buffer is full of tiny pieces
// (an AF_UNIX buffer holds 277 of one byte). From so many bytes on it is let through after two ticks.
inline constexpr std::size_t kStalledBytes = 128;

// After so long without a packet a session leaves the list that poll(2) gets: more than there is between the packets of
// a message, less than between those of one that trickles. One that does trickle leaves it at once.
inline constexpr std::chrono::milliseconds kUntilAsleep{20};

class Dispatcher {
  public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Dispatcher(Sockets& sockets) : sockets_(sockets) {}

    // An event without a row in the table. The connection has been shut down: libmilter reads its end and closes it.
    struct Fault {
        int descriptor = -1;
        ConnectionState state = ConnectionState::gone;
        ConnectionEvent event = ConnectionEvent::forgotten;
    };
    // The first since the last call, to be logged.
    [[nodiscard]] std::optional<Fault> take_fault() noexcept { return std::exchange(fault_, std::nullopt); }

    // nullptr: none of ours. Valid until the next adopt().
    [[nodiscard]] Connection* find(int descriptor) noexcept { return connections_.find(descriptor); }
    [[nodiscard]] int end() const noexcept { return connections_.end(); }

    // The connection that was let through and that no thread has picked up yet. Nothing else goes meanwhile.
    [[nodiscard]] std::optional<int> on_its_way() const noexcept { return on_its_way_; }
    // No thread will: the next may go. Precondition: there is one.
    [[nodiscard]] int give_up();

    // accept() is about to return this descriptor: it is on its way. Precondition: nothing else is.
    void reserve(int descriptor) noexcept { on_its_way_ = descriptor; }
    // libmilter's controller and its threads may name it from now on.
    void adopt(int descriptor, bool tcp);
    // libmilter is about to close it. True if it was on its way: the next may go.
    bool forget(int descriptor);

    // ---- the controller

    enum class Listing : std::uint8_t { foreign, polled, watched };
    // Whether poll(2) looks at an entry of libmilter's list. One that is silent for long, or was before its last
    // packet, is watched from now on.
    [[nodiscard]] Listing list(int descriptor, Time now);

    struct Naming {
        bool reported = false; // to libmilter, which gives it to a thread
        PacketNotice notice = PacketNotice::none;
    };
    // poll(2) names it. `broken`: with an error or the end of the connection.
    [[nodiscard]] Naming name(int descriptor, bool broken, Time now);

    // epoll reports a watched one: whether it needs a thread. If it does, poll(2) names it next.
    [[nodiscard]] PacketNotice report(int descriptor, bool hung_up, Time now);

    // Whether its packet may stall: then tick() is due for it in every tick.
    [[nodiscard]] bool may_stall(int descriptor);
    [[nodiscard]] PacketNotice tick(int descriptor, Time now);

    // ---- the threads of the pool

    struct Turn {
        bool may_go = false;       // it was on its way until now: the next may go
        bool packet_there = false; // its packet was looked at already: libmilter reads it without a wait
        PacketNotice notice = PacketNotice::none;
    };
    // A thread polls it between two packets: it has picked it up, or has read the packet before. Precondition: found.
    [[nodiscard]] Turn take_turn(int descriptor);
    // Its thread waits for the rest of a packet / a callback begins, so the packet has been read.
    [[nodiscard]] PacketNotice wait_for_rest(int descriptor);
    [[nodiscard]] PacketNotice end_packet(int descriptor);

  private:
    // Changes the state by the table. Empty: a fault.
    std::optional<PacketNotice> apply(int descriptor, Connection& connection, ConnectionEvent event);
    PacketNotice notice_of(int descriptor, Connection& connection, ConnectionEvent event);
    PacketNotice look_at_growing(int descriptor, Connection& connection, bool hung_up, bool ticked, Time now);
    PacketNotice trickle(int descriptor, Connection& connection, Time now);
    [[nodiscard]] bool can_wait(int descriptor, const Connection& connection);

    Sockets& sockets_;
    Connections connections_;
    std::optional<int> on_its_way_;
    std::optional<Fault> fault_;
};

} // namespace evermilter::session::libmilter
