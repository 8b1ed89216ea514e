// The state of the seam, shared by its two halves: interpose.cc (what libmilter calls, the listener, the pool's
// threads) and dispatcher.cc. Nobody else includes this.
#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "workers/common/base/unique_fd.h"
#include "workers/session/libmilter/inserted_commands.h"
#include "workers/session/libmilter/interpose.h"

namespace evermilter::session::seam {

// How long a session that was let through may remain without a thread. Counted in ticks of who waits, so that a
// process that was stopped (SIGSTOP) does not count the time; long enough for a machine with far too much to do (a
// thread that was ready has been seen late by more than a second at a load of seven for each CPU).
inline constexpr std::chrono::milliseconds kTick{100};
inline constexpr int kTicksToPickUp = 30;

// How the controller learns that a session has something for it.
enum class Watch : std::uint8_t {
    listed,  // poll(2) tells
    growing, // a packet has begun: epoll tells when it grows
    asleep,  // it was silent for a while: epoll tells when it is not any more
};

// A connection that libmilter has.
struct Connection {
    bool tcp = false;
    bool let_through = false; // the controller has found it ready: the pool thread need not look again
    Watch watch = Watch::listed;
    std::chrono::steady_clock::time_point silent_since; // as the controller has seen it; the epoch: not seen yet
    bool slow = false;                                  // its last packet came after a long silence
    bool unanswered = false;                            // the MTA waits for no reply to headers and body
    bool woken = false;                                 // epoll has told of it; poll(2) has not named it yet
    bool seldom = false;                                // watched by Seam::seldom
    std::chrono::steady_clock::time_point begun;        // of a watched one: when what trickles was first seen
    bool may_stall = false;                             // a begun packet has many bytes: each tick is a look at it
    bool stalled = false;                               // a begun packet does not grow: a thread may wait for the rest
    bool packet_open = false;                           // Events::packet_begun was told, packet_whole was not
    std::size_t seen = 0;                               // bytes of the begun packet at the last look
    int ticks = 0;                                      // since it grew
    char command = '\0';                                // of the packet that is read next
    std::size_t length = 0;                             // of that packet
    char last = '\0';                                   // the command before that, macros left out
    bool in_message = false;                            // set_in_message()
    std::optional<Interlude> interlude;
};

struct Offer {
    unique_fd connection;
    std::uint64_t token = 0;
};

// By descriptor. Descriptors are small numbers, and the controller looks for all of them at each event.
class Connections {
  public:
    // nullptr: none of ours. Valid until the next put().
    [[nodiscard]] Connection* find(int descriptor) noexcept {
        const auto index = static_cast<std::size_t>(descriptor);
        return descriptor >= 0 && index < slots_.size() && slots_[index] ? &*slots_[index] : nullptr;
    }
    void put(int descriptor, Connection connection) {
        const auto index = static_cast<std::size_t>(descriptor);
        if (index >= slots_.size()) slots_.resize(index + 1);
        slots_[index] = std::move(connection);
    }
    void erase(int descriptor) noexcept {
        if (find(descriptor) != nullptr) slots_[static_cast<std::size_t>(descriptor)].reset();
    }
    // One more than the highest descriptor there was.
    [[nodiscard]] int end() const noexcept { return static_cast<int>(slots_.size()); }

  private:
    std::vector<std::optional<Connection>> slots_;
};

struct Seam {
    std::atomic<Events*> events{nullptr};
    std::atomic<bool> seen_accept{false}; // Seen
    std::atomic<bool> seen_controller{false};
    std::atomic<bool> seen_pool{false};
    std::chrono::milliseconds packet{};
    int listener = -1;
    // Both are epolls, edge-triggered, for those that are not listed. What trickles is watched by `seldom`.
    unique_fd watch;  // wakes the controller
    unique_fd seldom; // the same, at most once in kTick

    std::mutex mutex;
    std::condition_variable offered;   // for the listener: there may be an offer to accept
    std::condition_variable picked_up; // for who waits until no session is on its way to a thread
    std::deque<Offer> offers;
    Connections connections;
    std::size_t may_stall = 0; // connections that may
    int dispatched = -1;       // the session that was let through and that no thread has taken yet
};

// One libmilter, one seam; never destroyed, because libmilter's threads outlive main().
[[nodiscard]] Seam& the_seam();

// ppoll(2), because poll() is ours.
int real_poll(pollfd* list, nfds_t count, int timeout_ms);

[[nodiscard]] inline bool broken(short revents) {
    return (revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

// Waits until no session is on its way to a thread. One that nobody takes is given up. Called by those who let
// sessions through, the controller and the listener, before they let the next one go.
void wait_for_pick_up();

// The session that was let through has been taken, or never will be: the next may go. The caller holds the mutex.
void next_may_go(Seam& seam);

// poll(2) is to tell of this one again, not epoll. The caller holds the mutex.
void unwatch(Seam& seam, int descriptor, Connection& connection);

// poll() of libmilter's pool controller: reports its pipe as it is, and of the sessions one at a time.
int poll_controller(pollfd* list, nfds_t count, int timeout_ms);

} // namespace evermilter::session::seam
