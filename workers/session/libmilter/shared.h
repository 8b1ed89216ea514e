// What libmilter's threads share in this program: the dispatcher under its lock, the connections that wait to be
// accepted, who hears of what happens. Included by the parts of interpose.h only.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "workers/common/base/unique_fd.h"
#include "workers/session/libmilter/dispatcher.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/libmilter/sockets.h"

namespace evermilter::session::libmilter {

struct Offer {
    unique_fd connection;
    std::uint64_t token = 0;
};

struct Shared {
    std::atomic<Events*> events{nullptr};
    std::atomic<bool> seen_accept{false}; // Seen
    std::atomic<bool> seen_controller{false};
    std::atomic<bool> seen_pool{false};
    std::chrono::milliseconds packet{}; // timeouts.packet
    int listener = -1;
    EpollSockets sockets;

    std::mutex mutex;
    std::condition_variable offered;   // for the listener: there may be an offer to accept
    std::condition_variable picked_up; // no connection is on its way to a thread
    std::deque<Offer> offers;
    Dispatcher dispatcher{sockets};
};

// There is one libmilter in a process. Never destroyed, because libmilter's threads outlive main().
[[nodiscard]] Shared& shared();

// Locks, and logs a fault of the dispatcher once the lock is released: a line may wait.
class Lock {
  public:
    Lock() : lock_(shared().mutex) {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() { unlock(); }

    void unlock() noexcept;
    [[nodiscard]] std::unique_lock<std::mutex>& mutex() noexcept { return lock_; }

  private:
    std::unique_lock<std::mutex> lock_;
};

// Nothing is on its way to a thread any more: the controller and the listener may go on. Under the lock.
void let_next_go();
// Waits until no connection is on its way to a thread. One that no thread takes is given up. The controller and the
// listener call it before they let the next one go.
void wait_for_pick_up();
// Tells the session of a change of its packet. Without the lock.
void tell(int descriptor, PacketNotice notice);

// ppoll(2), because poll() is ours.
int real_poll(pollfd* list, nfds_t count, int timeout_ms);

[[nodiscard]] inline bool broken(short revents) {
    return (revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

// ---- poll() and accept() of libmilter's threads

int poll_listener(pollfd* list, int timeout_ms);
int accept_offered(sockaddr* address, socklen_t* length);
// Reports its pipe as it is, and of the sessions one at a time.
int poll_controller(pollfd* list, nfds_t count, int timeout_ms);
int poll_between_packets(pollfd* one, int timeout_ms);
int poll_within_packet(pollfd* one, int timeout_ms);

} // namespace evermilter::session::libmilter
