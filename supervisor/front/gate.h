// Connections before hand-over: each waits here, without a thread, until the MTA's option negotiation is whole in
// its socket's buffer (looked at with MSG_PEEK, never read), or is closed: another protocol, no negotiation in
// time, or the room is needed (the oldest silent one goes first, so that strangers cannot lock out mail).
// Where a proxy forwards connections, its PROXY header is read first, and not a byte behind it.
// All are in one edge-triggered epoll(7) set: a wake-up comes with new bytes only, so that a peer that has sent 3
// bytes costs nothing afterwards; with level-triggered readiness it would cost a core.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/front/peer.h"
#include "supervisor/front/protocol_guess.h"
#include "supervisor/front/proxy_header.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// Why a connection left the gate.
enum class GateExit : std::uint8_t {
    whole,     // the negotiation is there: hand it over
    forwarded, // the PROXY header is there, and has been read: ask for admission, then go_on()
    refused,   // it speaks something else; the Protocol says what
    timed_out, // timeouts.negotiate; the Protocol says what had come by then
    displaced, // its room was needed
    gone,      // the peer closed or reset it
};

class Gate {
  public:
    // The most connections that wait here at a time; as many descriptors are reserved for them.
    static constexpr std::size_t kRoom = 1024;

    // `connection` is empty unless `exit` is whole or forwarded, `header` unless it is forwarded. `begin` is what had
    // come of its bytes, for the log: at most 64, of a PROXY header as much as it may be long.
    struct Leaving {
        GateExit exit = GateExit::gone;
        Protocol protocol = Protocol::nothing;
        Peer peer;
        unique_fd connection;
        std::string begin;
        std::optional<ProxyHeader> header;
        std::int64_t since_ns = 0;    // CLOCK_MONOTONIC of its arrival
        std::int64_t deadline_ns = 0; // likewise, of the end of its time
    };
    using OnLeave = std::function<void(Leaving)>;

    Gate(Loop* loop, std::size_t room, OnLeave on_leave);

    // Whether a PROXY header must come before the negotiation; both within the one timeout.
    enum class First : std::uint8_t { negotiation, proxy_header };

    // Takes ownership of the connection. `timeout` is timeouts.negotiate. May call on_leave
    // at once: for another connection that is displaced, or for this one when epoll(7) refuses it. After close() the
    // connection is closed.
    void add(unique_fd connection, Peer peer, std::chrono::milliseconds timeout, First first = First::negotiation);
    // The same for one that has left as `forwarded`, in what is left of its time; leaving.peer is whom the header
    // names.
    void go_on(Leaving leaving);

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
    // Those of one peer (Peer::key); connections whose PROXY header has not come are nobody's.
    [[nodiscard]] std::uint32_t of_peer(const std::string& key) const;

    // The waiting connections in the order of their arrival, for the status document.
    struct Guest {
        std::string peer;          // the proxy until its header has come
        std::string proxy;         // as Peer's
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
        First first = First::negotiation;
        bool silent = true;
        std::string header; // what has been read of it
    };
    using Entries = std::map<std::uint64_t, Waiting>; // by arrival

    void enter(Waiting waiting);
    void on_readable();
    void look(Entries::iterator entry, std::uint32_t events);
    void read_header(Entries::iterator entry, std::uint32_t events);
    void leave_with_part(Entries::iterator entry, GateExit exit);
    void leave(Entries::iterator entry, GateExit exit, Protocol protocol, std::string begin,
               const std::optional<ProxyHeader>& header = std::nullopt);
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
