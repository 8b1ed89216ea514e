// Connections before hand-over: each waits here, without a thread, until the MTA's option negotiation is whole in
// its socket's buffer (looked at with MSG_PEEK, never read), or is closed: another protocol, no negotiation in
// time, or the room is needed (the oldest silent one goes first, so that strangers cannot lock out mail).
// All are in one edge-triggered epoll(7) set: a wake-up comes with new bytes only, so that a peer that has sent 3
// bytes costs nothing afterwards; with level-triggered readiness it would cost a core.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "supervisor/front/peer.h"
#include "supervisor/front/protocol_guess.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// Why a connection left the gate.
enum class GateExit : std::uint8_t {
    whole,     // the negotiation is there: hand it over
    refused,   // it speaks something else; the Protocol says what
    timed_out, // timeouts.negotiate; the Protocol says what had come by then
    displaced, // its room was needed
    gone,      // the peer closed or reset it
};

class Gate {
  public:
    // The most connections that wait here at a time; as many descriptors are reserved for them.
    static constexpr std::size_t kRoom = 1024;

    // `connection` is empty unless `exit` is whole. `begin` is what had come of its bytes, at most 64, for the log.
    struct Leaving {
        GateExit exit = GateExit::gone;
        Protocol protocol = Protocol::nothing;
        Peer peer;
        unique_fd connection;
        std::string begin;
    };
    using OnLeave = std::function<void(Leaving)>;

    Gate(Loop* loop, std::size_t room, OnLeave on_leave);

    // Takes ownership of the connection. `timeout` is timeouts.negotiate. May call on_leave
    // at once: for another connection that is displaced, or for this one when epoll(7) refuses it. After close() the
    // connection is closed.
    void add(unique_fd connection, Peer peer, std::chrono::milliseconds timeout);

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
    // Those of one peer (Peer::key).
    [[nodiscard]] std::uint32_t of_peer(const std::string& key) const;

    // The waiting connections in the order of their arrival, for the status document.
    struct Guest {
        std::string peer;
        std::int64_t since_ns = 0; // CLOCK_MONOTONIC of its arrival
    };
    [[nodiscard]] std::vector<Guest> guests() const;

    // Closes all, silently, for good: the service stops. May be called from on_leave.
    void close();

  private:
    struct Waiting {
        unique_fd connection;
        Peer peer;
        std::int64_t since_ns = 0;    // CLOCK_MONOTONIC
        std::int64_t deadline_ns = 0; // likewise
        bool silent = true;
    };
    using Entries = std::map<std::uint64_t, Waiting>; // by arrival

    void on_readable();
    void look(Entries::iterator entry, std::uint32_t events);
    void leave(Entries::iterator entry, GateExit exit, Protocol protocol, std::string begin);
    void make_room();
    void expire();

    std::size_t room_;
    OnLeave on_leave_;
    unique_fd epoll_;
    IoWatcher readable_;
    TimerWatcher expiry_;
    std::int64_t expiry_ns_ = 0; // what expiry_ is set to, 0: not set
    Entries waiting_;
    std::map<std::string, std::uint32_t> by_peer_;
    std::uint64_t next_ = 1;
    bool closed_ = false;
};

} // namespace evermilter::supervisor
