// Reads a PROXY header byte by byte as it is laid out. Additional fields (TLV) are passed over, their checksum
// included.
#include "supervisor/front/proxy_header.h"

#include <algorithm>
#include <cstring>

namespace evermilter::supervisor {

namespace {

using Bytes = std::span<const unsigned char>;

constexpr std::string_view kText = "PROXY "; // the beginning of version 1
constexpr std::size_t kCommandAt = kProxySignature.size();
constexpr std::size_t kFamilyAt = kCommandAt + 1;
constexpr std::size_t kLengthAt = kFamilyAt + 1;

// Version in the upper half, command in the lower.
constexpr unsigned char kLocal = 0x20;
constexpr unsigned char kProxied = 0x21;

// Family in the upper half, transport in the lower. Datagrams are not forwarded to a milter.
constexpr unsigned char kUnspecified = 0x00;
constexpr unsigned char kTcp4 = 0x11;
constexpr unsigned char kTcp6 = 0x21;
constexpr unsigned char kUnixStream = 0x31;
// Of source and destination together.
constexpr std::size_t kTcp4Bytes = 12;
constexpr std::size_t kTcp6Bytes = 36;
constexpr std::size_t kUnixBytes = 216;

bool begins_as(Bytes bytes, std::string_view word) {
    const std::size_t length = std::min(bytes.size(), word.size());
    return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length), word.begin(),
                      [](unsigned char byte, char letter) { return byte == static_cast<unsigned char>(letter); });
}

// In network order.
std::uint16_t number_at(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

// The bytes that the addresses of a family take; nullopt for one that is none.
std::optional<std::size_t> address_bytes(unsigned char family) {
    switch (family) {
        case kUnspecified:
            return 0;
        case kTcp4:
            return kTcp4Bytes;
        case kTcp6:
            return kTcp6Bytes;
        case kUnixStream:
            return kUnixBytes;
        default:
            return std::nullopt;
    }
}

// Source address, destination address, source port, destination port.
std::optional<PeerAddress> source(unsigned char family, Bytes addresses) {
    if (family == kTcp4) {
        Ipv4Peer peer{{}, number_at(addresses, 2 * sizeof(in_addr))};
        std::memcpy(&peer.address, addresses.data(), sizeof peer.address);
        return peer;
    }
    if (family == kTcp6) {
        in6_addr address{};
        std::memcpy(&address, addresses.data(), sizeof address);
        return ipv6_peer(address, number_at(addresses, 2 * sizeof address));
    }
    return std::nullopt;
}

} // namespace

ProxyRead read_proxy_header(Bytes bytes) noexcept {
    if (!begins_as(bytes, kProxySignature)) {
        if (!begins_as(bytes, kText)) return ProxyFault::missing;
        if (bytes.size() < kText.size()) return ProxyMore{kText.size()};
        return ProxyFault::text;
    }
    if (bytes.size() > kCommandAt && bytes[kCommandAt] != kLocal && bytes[kCommandAt] != kProxied)
        return ProxyFault::malformed;
    if (bytes.size() < kProxyStart) return ProxyMore{kProxyStart};
    const bool own = bytes[kCommandAt] == kLocal;
    const std::size_t length = number_at(bytes, kLengthAt);
    if (length > kLargestProxyLength) return ProxyFault::too_long;
    const unsigned char family = bytes[kFamilyAt];
    const auto addresses = address_bytes(family);
    // Of the proxy's own connection family and addresses mean nothing.
    if (!own && (!addresses || length < *addresses)) return ProxyFault::malformed;
    if (bytes.size() < kProxyStart + length) return ProxyMore{kProxyStart + length};
    ProxyHeader header{kProxyStart + length, std::nullopt, own};
    if (!own) header.client = source(family, bytes.subspan(kProxyStart, *addresses));
    return header;
}

} // namespace evermilter::supervisor
