// The header of HAProxy's PROXY protocol, version 2, with which a proxy tells whose connection it forwards. Pure.
// Source: HAProxy's doc/proxy-protocol.txt, sections 2.2 and 2.2.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "workers/common/base/peer_address.h"

namespace evermilter::supervisor {

// Signature, version with command, family with transport, length.
inline constexpr std::string_view kProxySignature("\r\n\r\n\0\r\nQUIT\n", 12);
inline constexpr std::size_t kProxyStart = kProxySignature.size() + 4;
// What may follow the start: addresses take at most 216 bytes, and what proxies add (TLV) some hundred.
inline constexpr std::size_t kLargestProxyLength = 4096;

struct ProxyHeader {
    std::size_t size = 0; // of the whole header, in bytes
    // Who has connected to the proxy. Not set where the header names no TCP address: then the proxy's own holds.
    std::optional<PeerAddress> client;
    bool own = false; // the proxy's own connection (LOCAL), by which it checks whether the service is there
};
// The header goes on: it has at least so many bytes, counted from its first.
struct ProxyMore {
    std::size_t size = 0;
};
enum class ProxyFault : std::uint8_t {
    missing,   // the connection begins with something else
    text,      // version 1, which is a line of text
    malformed, // a version, command, family or length that version 2 does not have
    too_long,  // above kLargestProxyLength
};
using ProxyRead = std::variant<ProxyMore, ProxyHeader, ProxyFault>;

// Of a connection's bytes so far. A fault is told as soon as it can be seen; bytes behind the header are not looked at.
[[nodiscard]] ProxyRead read_proxy_header(std::span<const unsigned char> bytes) noexcept;

} // namespace evermilter::supervisor
