#include "supervisor/service_manager.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "config/address.h"
#include "workers/common/ipc/child.h"

namespace evermilter::supervisor {
namespace {

bool has_option(int fd, int option, int wanted) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

// Canonical; empty where it is none that a configuration can name.
std::string address_of(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* const name = reinterpret_cast<sockaddr*>(&storage);
    if (::getsockname(fd, name, &size) != 0) return {};
    if (storage.ss_family == AF_UNIX) {
        const auto& path = reinterpret_cast<const sockaddr_un&>(storage).sun_path;
        if (size <= offsetof(sockaddr_un, sun_path) || path[0] == '\0') return {}; // unnamed, or abstract
        return config::address_text(config::UnixAddress{std::string(path, ::strnlen(path, sizeof path))});
    }
    if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return {};
    std::array<char, NI_MAXHOST> host{};
    if (::getnameinfo(name, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
    const bool inet = storage.ss_family == AF_INET;
    const in_port_t port = inet ? reinterpret_cast<const sockaddr_in&>(storage).sin_port
                                : reinterpret_cast<const sockaddr_in6&>(storage).sin6_port;
    return config::address_text(config::InetAddress{
        inet ? config::InetAddress::Family::inet : config::InetAddress::Family::inet6, host.data(), ntohs(port)});
}

// Out of the way of descriptors with a number of their own: a child's channel is kChildChannel.
unique_fd move_up(int fd) {
    unique_fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, kChildChannel + 1));
    ::close(fd);
    return copy;
}

} // namespace

Result<void> PassedSockets::add(unique_fd socket, const std::string& name) {
    const std::string address = address_of(socket.get());
    if (!has_option(socket.get(), SO_TYPE, SOCK_STREAM) || !has_option(socket.get(), SO_ACCEPTCONN, 1) ||
        address.empty()) {
        return Error{EINVAL, "the service manager passes \"" + name +
                                 "\", which is no listening stream socket: its unit needs ListenStream= with a path "
                                 "or a TCP port, and Accept=no"};
    }
    const int flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return system_error("the socket for " + address);
    sockets_.push_back(Passed{std::move(socket), address, name});
    return {};
}

Result<unique_fd> PassedSockets::find(const std::string& address) const {
    const auto found =
        std::find_if(sockets_.begin(), sockets_.end(), [&](const Passed& one) { return one.address == address; });
    if (found == sockets_.end()) return unique_fd{};
    unique_fd copy(::fcntl(found->socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return system_error("the socket for " + address);
    return copy;
}

bool PassedSockets::has(const std::string& address) const {
    return std::any_of(sockets_.begin(), sockets_.end(), [&](const Passed& one) { return one.address == address; });
}

std::vector<std::string> PassedSockets::beside(const std::vector<std::string>& addresses) const {
    std::vector<std::string> others;
    for (const Passed& one : sockets_) {
        if (std::find(addresses.begin(), addresses.end(), one.address) == addresses.end())
            others.push_back(one.address + " (" + one.name + ")");
    }
    return others;
}

Result<void> close_unpassed() {
    const int passed = std::max(::sd_listen_fds(0), 0);
    if (::close_range(static_cast<unsigned>(SD_LISTEN_FDS_START + passed), ~0U, 0) != 0)
        return system_error("closing inherited descriptors");
    return {};
}

Result<ServiceManager> meet_service_manager() {
    ServiceManager manager;
    std::uint64_t watchdog = 0;
    if (::sd_watchdog_enabled(1, &watchdog) > 0) manager.watchdog = std::chrono::microseconds(watchdog);
    if (const char* address = std::getenv("NOTIFY_SOCKET"); address != nullptr) manager.notify_socket = address;
    ::unsetenv("NOTIFY_SOCKET");

    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    if (count < 0) return system_error("the sockets that the service manager passes", -count);
    Result<void> added;
    for (int i = 0; i < count; ++i) {
        unique_fd socket = move_up(SD_LISTEN_FDS_START + i);
        if (!socket) added = system_error("a socket that the service manager passes");
        if (added) added = manager.sockets.add(std::move(socket), names[i]);
        std::free(names[i]); // NOLINT(*-no-malloc): as sd_listen_fds_with_names(3) wants it
    }
    std::free(names); // NOLINT(*-no-malloc)
    if (!added) return std::move(added).error();
    return manager;
}

} // namespace evermilter::supervisor
