// Peer addresses: from the socket, and as text. Fails only where the kernel no longer knows the peer.
#include "workers/common/base/peer_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace evermilter {

namespace {

std::string numeric(int family, const void* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* shown = ::inet_ntop(family, address, text.data(), static_cast<socklen_t>(text.size()));
    return shown == nullptr ? "?" : shown;
}

struct Origin {
    std::string operator()(const Ipv4Peer& peer) const { return numeric(AF_INET, &peer.address); }
    std::string operator()(const Ipv6Peer& peer) const { return numeric(AF_INET6, &peer.address); }
    std::string operator()(const UnixPeer& peer) const { return "unix:uid=" + std::to_string(peer.uid); }
};

struct Text {
    std::string operator()(const Ipv4Peer& peer) const { return Origin{}(peer) + ':' + std::to_string(peer.port); }
    std::string operator()(const Ipv6Peer& peer) const {
        return '[' + Origin{}(peer) + "]:" + std::to_string(peer.port);
    }
    std::string operator()(const UnixPeer& peer) const {
        return "unix pid=" + std::to_string(peer.pid) + " uid=" + std::to_string(peer.uid);
    }
};

} // namespace

Result<PeerAddress> peer_address(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
        return system_error("cannot tell the peer of a connection");
    }
    switch (storage.ss_family) {
        case AF_INET: {
            sockaddr_in in{};
            std::memcpy(&in, &storage, sizeof in);
            return PeerAddress{Ipv4Peer{in.sin_addr, ntohs(in.sin_port)}};
        }
        case AF_INET6: {
            sockaddr_in6 in6{};
            std::memcpy(&in6, &storage, sizeof in6);
            return ipv6_peer(in6.sin6_addr, ntohs(in6.sin6_port));
        }
        case AF_UNIX: {
            ucred credentials{};
            socklen_t length = sizeof credentials;
            if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
                return system_error("cannot tell the peer of a unix connection");
            }
            return PeerAddress{UnixPeer{credentials.pid, credentials.uid, credentials.gid}};
        }
        default:
            return system_error("cannot tell the peer of a connection", EAFNOSUPPORT);
    }
}

PeerAddress ipv6_peer(const in6_addr& address, std::uint16_t port) noexcept {
    if (!IN6_IS_ADDR_V4MAPPED(&address)) return Ipv6Peer{address, port};
    Ipv4Peer mapped{{}, port};
    std::memcpy(&mapped.address, &address.s6_addr[12], sizeof mapped.address);
    return mapped;
}

std::string to_text(const PeerAddress& address) {
    return std::visit(Text{}, address);
}

std::string origin_of(const PeerAddress& address) {
    return std::visit(Origin{}, address);
}

} // namespace evermilter
