// Peers by their addresses as text.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <stdexcept>

#include "workers/common/base/peer_address.h"

namespace evermilter::test {

inline PeerAddress ipv4_peer(const char* address, std::uint16_t port = 4711) {
    Ipv4Peer peer{{}, port};
    if (::inet_pton(AF_INET, address, &peer.address) != 1) throw std::invalid_argument(address);
    return peer;
}
inline PeerAddress ipv6_peer(const char* address, std::uint16_t port = 4711) {
    Ipv6Peer peer{{}, port};
    if (::inet_pton(AF_INET6, address, &peer.address) != 1) throw std::invalid_argument(address);
    return peer;
}

} // namespace evermilter::test
