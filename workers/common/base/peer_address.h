// Who is at the other end of an accepted connection: an IP address with port, or the credentials that the kernel
// gives for a unix socket (SO_PEERCRED: of the moment of connect(2)). Pure but for peer_address(). Any thread.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>

#include "workers/common/base/result.h"

namespace evermilter {

// An IPv4 address that came mapped (::ffff:192.0.2.1) is held as IPv4: rules and logs know one form only.
struct Ipv4Peer {
    in_addr address{};
    std::uint16_t port = 0; // host order
};
struct Ipv6Peer {
    in6_addr address{};
    std::uint16_t port = 0;
};
struct UnixPeer {
    pid_t pid = 0; // 0 where the kernel does not tell (another pid namespace)
    uid_t uid = 0;
    gid_t gid = 0;
};
using PeerAddress = std::variant<Ipv4Peer, Ipv6Peer, UnixPeer>;

// Of a connected socket. Fails with ENOTCONN where the peer has gone already.
[[nodiscard]] Result<PeerAddress> peer_address(int fd);

// Of an IPv6 address; one that is a mapped IPv4 address is held as that. `port` in host order.
[[nodiscard]] PeerAddress ipv6_peer(const in6_addr& address, std::uint16_t port) noexcept;

// For logs and the status: "192.0.2.1:4711", "[2001:db8::1]:4711", "unix pid=77 uid=101".
[[nodiscard]] std::string to_text(const PeerAddress& address);
// The same for all connections of one host or user: "192.0.2.1", "2001:db8::1", "unix:uid=101".
[[nodiscard]] std::string origin_of(const PeerAddress& address);

} // namespace evermilter
