#include "workers/session/policy/server/policy_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

namespace evermilter::session {
namespace {

using namespace std::chrono_literals;

// How long to wait before a unix socket whose backlog is full is tried again.
constexpr auto kFull = 10ms;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

template <class Address>
SocketAddress pack(const Address& address) {
    SocketAddress packed;
    std::memcpy(&packed.storage, &address, sizeof address);
    packed.size = sizeof address;
    return packed;
}

std::optional<SocketAddress> resolve(const config::UnixAddress& address) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    if (address.path.size() >= sizeof path.sun_path) return std::nullopt;
    std::copy(address.path.begin(), address.path.end(), std::begin(path.sun_path));
    return pack(path);
}

std::optional<SocketAddress> resolve(const config::InetAddress& address) {
    if (address.family == config::InetAddress::Family::inet) {
        sockaddr_in inet{};
        inet.sin_family = AF_INET;
        inet.sin_port = htons(address.port);
        if (::inet_pton(AF_INET, address.host.c_str(), &inet.sin_addr) != 1) return std::nullopt;
        return pack(inet);
    }
    sockaddr_in6 inet6{};
    inet6.sin6_family = AF_INET6;
    inet6.sin6_port = htons(address.port);
    if (::inet_pton(AF_INET6, address.host.c_str(), &inet6.sin6_addr) != 1) return std::nullopt;
    return pack(inet6);
}

std::optional<SocketAddress> resolve(const config::ListenAddress& address) {
    return std::visit([](const auto& one) { return resolve(one); }, address);
}

// False at `deadline`.
bool wait_for(int fd, short events, SteadyTime deadline) {
    for (;;) {
        const auto left = std::max(deadline - steady_now(), SteadyTime::duration::zero());
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        const timespec timeout{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
        pollfd entry{fd, events, 0};
        const int ready = ::ppoll(&entry, fd < 0 ? 0 : 1, &timeout, nullptr);
        if (ready >= 0 || errno != EINTR) return ready > 0;
    }
}

} // namespace

Result<unique_fd> connect_to(const config::ListenAddress& address, SteadyTime deadline) {
    const std::string name = "cannot connect to " + config::address_text(address);
    const auto target = resolve(address);
    if (!target) return system_error(name, EINVAL);
    const int family = target->storage.ss_family;
    unique_fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_error(name);
    if (family != AF_UNIX) {
        const int on = 1;
        static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    }
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&target->storage), target->size) != 0) {
        if (errno == EINPROGRESS) {
            if (!wait_for(socket.get(), POLLOUT, deadline)) return system_error(name, ETIMEDOUT);
            int error = 0;
            socklen_t size = sizeof error;
            if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return system_error(name);
            if (error != 0) return system_error(name, error);
            return socket;
        }
        if (errno != EAGAIN && errno != EINTR) return system_error(name);
        if (steady_now() >= deadline) return system_error(name, ETIMEDOUT);
        static_cast<void>(wait_for(-1, 0, std::min<SteadyTime>(deadline, steady_now() + kFull)));
    }
    return socket;
}

Result<void> send_all(int fd, std::string_view bytes, SteadyTime deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for(fd, POLLOUT, deadline)) return system_error("cannot send the question", ETIMEDOUT);
        } else if (errno != EINTR) {
            return system_error("cannot send the question");
        }
    }
    return {};
}

Result<void> receive_some(int fd, std::string& bytes, SteadyTime deadline) {
    std::array<char, 1024> buffer{};
    for (;;) {
        if (!wait_for(fd, POLLIN, deadline)) return system_error("no answer", ETIMEDOUT);
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got > 0) {
            bytes.append(buffer.data(), static_cast<std::size_t>(got));
            return {};
        }
        if (got == 0) return Error{EPIPE, "the server has closed the connection"};
        if (errno == ECONNRESET) return Error{EPIPE, "the server has reset the connection"};
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return system_error("cannot read the answer");
    }
}

bool is_quiet(int fd) {
    char byte = 0;
    return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace evermilter::session
