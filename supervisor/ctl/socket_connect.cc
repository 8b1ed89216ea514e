// Connects, sends and receives on non-blocking sockets, with poll(2) and deadlines.
#include "supervisor/ctl/socket_connect.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace evermilter::ctl {

namespace {

constexpr std::size_t kChunk = 65536;

// Waits for `events`; false at the deadline.
Result<bool> wait_for(int fd, short events, Deadline deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd entry{fd, events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return system_error("cannot wait for a socket");
    }
}

Result<unique_fd> connect_socket(const std::string& shown, const sockaddr* name, socklen_t size, Deadline deadline) {
    unique_fd fd(::socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return system_error("cannot make a socket");
    if (::connect(fd.get(), name, size) == 0) return fd;
    if (errno != EINPROGRESS) return system_error("cannot connect to " + shown);
    Result<bool> ready = wait_for(fd.get(), POLLOUT, deadline);
    if (!ready) return std::move(ready).error();
    if (!*ready) return system_error("cannot connect to " + shown, ETIMEDOUT);
    int code = 0;
    socklen_t length = sizeof code;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &code, &length) != 0) code = errno;
    if (code != 0) return system_error("cannot connect to " + shown, code);
    return fd;
}

Result<unique_fd> connect_inet(const config::InetAddress& address, Deadline deadline) {
    const std::string shown = config::address_text(address);
    addrinfo hints{};
    const bool inet = address.family == config::InetAddress::Family::inet;
    hints.ai_family = inet ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    std::string host = address.host;
    if (config::is_wildcard(address)) host = inet ? "127.0.0.1" : "::1";
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (code != 0) return Error{EINVAL, "cannot resolve " + shown + ": " + ::gai_strerror(code)};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    Result<unique_fd> connected = Error{ENOENT, "no address for " + shown};
    for (const addrinfo* info = list.get(); info != nullptr && !connected.ok(); info = info->ai_next) {
        connected = connect_socket(shown, info->ai_addr, info->ai_addrlen, deadline);
    }
    return connected;
}

} // namespace

Result<unique_fd> connect_to(const config::ListenAddress& address, Deadline deadline) {
    if (const auto* inet = std::get_if<config::InetAddress>(&address)) return connect_inet(*inet, deadline);
    const std::string& path = std::get<config::UnixAddress>(address).path;
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) return system_error("cannot connect to " + path, ENAMETOOLONG);
    std::memcpy(name.sun_path, path.data(), path.size());
    return connect_socket(path, reinterpret_cast<const sockaddr*>(&name), sizeof name, deadline);
}

Result<void> send_all(int fd, std::span<const char> bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return system_error("cannot send");
        Result<bool> ready = wait_for(fd, POLLOUT, deadline);
        if (!ready) return std::move(ready).error();
        if (!*ready) return system_error("cannot send", ETIMEDOUT);
    }
    return {};
}

Result<bool> wait_readable(int fd, Deadline deadline) {
    return wait_for(fd, POLLIN, deadline);
}

Result<bool> receive_some(int fd, std::string& buffer, Deadline deadline) {
    std::array<char, kChunk> bytes{};
    for (;;) {
        Result<bool> ready = wait_for(fd, POLLIN, deadline);
        if (!ready) return ready;
        if (!*ready) return system_error("no answer", ETIMEDOUT);
        const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got == 0) return false;
        if (got > 0) {
            buffer.append(bytes.data(), static_cast<std::size_t>(got));
            return true;
        }
        if (errno == ECONNRESET) return false;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return system_error("cannot receive");
    }
}

} // namespace evermilter::ctl
