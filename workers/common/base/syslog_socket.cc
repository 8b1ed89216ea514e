#include "workers/common/base/syslog_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace evermilter::log {
namespace {

constexpr const char* kName = "evermilter";

// "<22>Nov 21 09:08:07 evermilter[123]: "; local time, as the C library's own.
std::string head(int priority) {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    std::array<char, 32> stamp{};
    if (::localtime_r(&now, &local) != nullptr)
        static_cast<void>(std::strftime(stamp.data(), stamp.size(), "%b %e %T ", &local));
    return '<' + std::to_string(priority) + '>' + stamp.data() + kName + '[' + std::to_string(::getpid()) + "]: ";
}

bool full(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

} // namespace

void SyslogSocket::close() {
    const std::lock_guard lock(mutex_);
    socket_.reset();
}

Result<void> SyslogSocket::open() {
    const std::lock_guard lock(mutex_);
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return system_error("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG, path_ + ": too long"};
    std::copy(path_.begin(), path_.end(), static_cast<char*>(address.sun_path));
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        Error error = system_error(path_);
        socket_.reset();
        return error;
    }
    return {};
}

int SyslogSocket::try_send(const std::string& datagram) {
    const std::lock_guard lock(mutex_);
    if (!socket_) return ENOTCONN;
    return ::send(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) < 0 ? errno : 0;
}

bool SyslogSocket::send(int priority, std::string_view line, std::chrono::milliseconds patience) {
    const std::string datagram = head(priority).append(line);
    int error = try_send(datagram);
    // The daemon was started again, or had not been there.
    if (error != 0 && !full(error) && open()) error = try_send(datagram);
    if (full(error) && patience.count() > 0) {
        // ppoll(2), because the session workers' program defines poll() (workers/session/libmilter/interpose.h).
        std::unique_lock lock(mutex_);
        pollfd entry{socket_.get(), POLLOUT, 0};
        lock.unlock();
        const timespec wait{patience.count() / 1000, patience.count() % 1000 * 1'000'000};
        if (::ppoll(&entry, 1, &wait, nullptr) > 0) error = try_send(datagram);
    }
    return error == 0;
}

} // namespace evermilter::log
