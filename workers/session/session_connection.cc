#include "workers/session/session_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <ctime>

namespace evermilter::session {
namespace {

// What poll(2) says of it at this moment. ppoll(2), because the program defines poll() (interpose.h).
int poll_at_once(int descriptor, short events) {
    pollfd entry{descriptor, events, 0};
    const timespec at_once{};
    return ::ppoll(&entry, 1, &at_once, nullptr);
}

} // namespace

void SessionConnection::shut_down(const char* why) noexcept {
    const std::lock_guard lock(mutex_);
    if (!descriptor_) return;
    closed_.store(true);
    if (closed_for_ == nullptr) closed_for_ = why;
    (void)::shutdown(descriptor_.get(), SHUT_RDWR);
}

bool SessionConnection::release() noexcept {
    const std::lock_guard lock(mutex_);
    if (!descriptor_) return false;
    descriptor_.reset();
    closed_.store(true);
    return true;
}

const char* SessionConnection::closed_for() const noexcept {
    const std::lock_guard lock(mutex_);
    return closed_for_;
}

bool SessionConnection::abandoned() const noexcept {
    const std::lock_guard lock(mutex_);
    // A half-close counts: no MTA reads an answer after it.
    return closed_.load() || poll_at_once(descriptor_.get(), POLLRDHUP) > 0;
}

bool SessionConnection::reads_nothing() const noexcept {
    const std::lock_guard lock(mutex_);
    return !closed_.load() && poll_at_once(descriptor_.get(), POLLOUT | POLLRDHUP) == 0;
}

} // namespace evermilter::session
