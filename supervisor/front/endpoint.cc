#include "supervisor/front/endpoint.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "supervisor/files/passing_errors.h"

namespace evermilter::supervisor {

namespace {

constexpr int kBacklog = 4096; // the kernel cuts it to net.core.somaxconn

std::string numeric_host(const sockaddr* address, socklen_t size) {
    std::array<char, NI_MAXHOST> host{};
    const int code = ::getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
    return code == 0 ? host.data() : "?";
}

std::uint16_t port_of(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
    return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
}

Result<std::vector<Endpoint>> resolve(const config::InetAddress& address) {
    addrinfo hints{};
    const bool inet = address.family == config::InetAddress::Family::inet;
    hints.ai_family = inet ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    const bool any = address.host.empty() || address.host == "*";
    addrinfo* found = nullptr;
    const int code =
        ::getaddrinfo(any ? nullptr : address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (code != 0) {
        const std::string reason = code == EAI_SYSTEM ? system_error("").what : ::gai_strerror(code);
        return Error{EDESTADDRREQ, "cannot resolve \"" + address.host + "\" of " + config::address_text(address) +
                                       ": " + reason + "; write the address as a number or mend the name"};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    std::vector<Endpoint> all;
    for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
        Endpoint found_one;
        std::copy_n(reinterpret_cast<const std::byte*>(info->ai_addr), info->ai_addrlen,
                    reinterpret_cast<std::byte*>(&found_one.storage));
        found_one.size = info->ai_addrlen;
        found_one.address =
            config::InetAddress{address.family, numeric_host(info->ai_addr, info->ai_addrlen), address.port};
        found_one.key = config::address_text(found_one.address);
        all.push_back(std::move(found_one));
    }
    return all;
}

// A wildcard IPv6 socket takes IPv4 connections too, as libmilter's does, but where an IPv4 wildcard of the same
// port stands beside it.
void separate_families(std::vector<Endpoint>& all) {
    for (Endpoint& six : all) {
        const auto* address = std::get_if<config::InetAddress>(&six.address);
        if (address == nullptr || address->family != config::InetAddress::Family::inet6) continue;
        six.ipv6_only = std::any_of(all.begin(), all.end(), [&](const Endpoint& other) {
            const auto* four = std::get_if<config::InetAddress>(&other.address);
            return four != nullptr && four->family == config::InetAddress::Family::inet && four->port != 0 &&
                   four->port == address->port && config::is_wildcard(other.address);
        });
    }
}

Result<unique_fd> bind_inet(const Endpoint& wanted, const std::string& shown, bool listens = true) {
    unique_fd fd(::socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return system_error("cannot make a socket for " + shown);
    const int on = 1;
    const int only = wanted.ipv6_only ? 1 : 0;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (wanted.storage.ss_family == AF_INET6 &&
         ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)) {
        return system_error("cannot prepare a socket for " + shown);
    }
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&wanted.storage), wanted.size) != 0 ||
        (listens && ::listen(fd.get(), kBacklog) != 0)) {
        return system_error("cannot listen on " + shown);
    }
    return fd;
}

// Port 0 shown as the real one.
std::string shown_text(int socket, const config::InetAddress& address) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    config::InetAddress real = address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) == 0) real.port = port_of(name);
    return config::address_text(real);
}

} // namespace

Result<std::vector<Endpoint>> endpoints_of(const std::vector<std::string>& addresses) {
    std::vector<Endpoint> all;
    for (const std::string& text : addresses) {
        auto parsed = config::parse_address(text);
        if (!parsed) return Error{EINVAL, "\"" + text + "\" is not an address: " + parsed.error().reason};
        const config::ListenAddress& address = *parsed;
        if (const auto* inet = std::get_if<config::InetAddress>(&address)) {
            Result<std::vector<Endpoint>> resolved = resolve(*inet);
            if (!resolved) return resolved;
            for (Endpoint& one : *resolved) all.push_back(std::move(one));
        } else {
            Endpoint one;
            one.address = address;
            one.key = config::address_text(address);
            all.push_back(std::move(one));
        }
    }
    separate_families(all);
    return all;
}

Result<BoundEndpoint> bind_endpoint(const Endpoint& endpoint, const ResolvedAccess& access) {
    BoundEndpoint all;
    all.shown = config::address_text(endpoint.address);
    if (const auto* local = std::get_if<config::UnixAddress>(&endpoint.address)) {
        Result<BoundPath> bound = bind_path(local->path, access, kBacklog);
        if (!bound) return std::move(bound).error();
        all.socket = std::move(bound->socket);
        all.path = std::move(bound->path);
    } else {
        Result<unique_fd> bound = bind_inet(endpoint, all.shown);
        if (!bound) return std::move(bound).error();
        all.socket = std::move(*bound);
        all.shown = shown_text(all.socket.get(), std::get<config::InetAddress>(endpoint.address));
    }
    return all;
}

Result<void> could_bind_endpoint(const Endpoint& endpoint, const ResolvedAccess& access) {
    if (const auto* local = std::get_if<config::UnixAddress>(&endpoint.address))
        return could_bind_path(local->path, access);
    auto bound = bind_inet(endpoint, config::address_text(endpoint.address), false);
    if (!bound) return std::move(bound).error();
    return {};
}

int exit_code_of_socket(int code) {
    switch (code) {
        case EACCES:
        case EPERM:
            return EX_NOPERM;
        case EINVAL:
            return EX_CONFIG;
        case ENOENT: // the socket's group: its folder is there, prepare_folders() has seen to that
            return EX_NOUSER;
        case EDESTADDRREQ: // a name without an address
            return EX_NOHOST;
        case EADDRINUSE:
            return EX_UNAVAILABLE;
        default:
            return may_pass(code) ? EX_TEMPFAIL : EX_CANTCREAT;
    }
}

bool may_come_by_itself(const Endpoint& endpoint, int code) {
    switch (code) {
        case EADDRINUSE:
            // The path belongs to another service, or to a second instance of this one.
            return std::holds_alternative<config::InetAddress>(endpoint.address);
        case EADDRNOTAVAIL:
        case ENETDOWN:
        case ENETUNREACH:
        case ENODEV:
            return true;
        default:
            return may_pass(code);
    }
}

} // namespace evermilter::supervisor
