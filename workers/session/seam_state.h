// The state of the seam, shared by its two halves: seam.cc (what libmilter calls, the listener, the pool's threads)
// and seam_controller.cc. Nobody else includes this.
#pragma once

#include <poll.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "workers/common/unique_fd.h"
#include "workers/session/interlude.h"
#include "workers/session/seam.h"

namespace evermilter::session::seam {

// How long a session that was let through may remain without a thread. Counted in ticks of who waits, so that a
// process that was stopped (SIGSTOP) does not count the time; long enough for a machine with far too much to do (a
// thread that was ready has been seen late by more than a second at a load of seven for each CPU).
inline constexpr std::chrono::milliseconds kTick{100};
inline constexpr int kTicksToPickUp = 30;

// A connection that libmilter has.
struct Connection {
    bool tcp = false;
    bool let_through = false; // the controller has found it ready: the pool thread need not look again
    bool watched = false;     // a packet has begun; epoll tells when it grows
    bool stalled = false;     // it does not grow: a thread may wait for the rest
    bool packet_open = false; // Events::packet_begun was told, packet_whole was not
    std::size_t seen = 0;     // bytes of the begun packet at the last look
    int ticks = 0;            // since it grew
    char command = '\0';      // of the packet that is read next
    char last = '\0';         // the command before that, macros left out
    std::optional<Interlude> interlude;
};

struct Offer {
    unique_fd connection;
    std::uint64_t token = 0;
};

struct Seam {
    Events* events = nullptr;
    std::chrono::milliseconds packet{};
    int listener = -1;
    unique_fd growth; // epoll, edge-triggered: wakes the controller when a begun packet grows

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Offer> offers;
    std::unordered_map<int, Connection> connections;
    std::size_t watched = 0; // connections that are
    int dispatched = -1;     // the session that was let through and that no thread has taken yet
};

// One libmilter, one seam; never destroyed, because libmilter's threads outlive main().
[[nodiscard]] Seam& the_seam();

// ppoll(2), because poll() is ours.
int real_poll(pollfd* list, nfds_t count, int timeout_ms);

[[nodiscard]] inline bool broken(short revents) {
    return (revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

// Waits until no session is on its way to a thread. One that nobody takes is given up. Called by those who let
// sessions through, the controller and the listener, before they look for the next.
void wait_for_pick_up();

// epoll tells no more of this one's packet. The caller holds the mutex.
void unwatch(Seam& seam, int descriptor, Connection& connection);

// poll() of libmilter's pool controller: reports its pipe as it is, and of the sessions one at a time.
int poll_controller(pollfd* list, nfds_t count, int timeout_ms);

} // namespace evermilter::session::seam
