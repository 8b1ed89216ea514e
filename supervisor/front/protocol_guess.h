// What a peer speaks, from its first bytes: a milter's option negotiation, or which other protocol. Pure.
// Sources: workers/common/milter/packet.h, RFC 5321, RFC 9110, RFC 8446 section 5.1, clamd(8), HAProxy's PROXY
// protocol; what Axigen sends and how scanners of ports find milters, from logs of relays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "workers/common/shared/counter_labels.h"

namespace evermilter::supervisor {

enum class Protocol : std::uint8_t {
    undecided,   // the bytes may still become one of the others
    negotiation, // a whole negotiation packet of a version that libmilter speaks
    nothing,     // no byte came
    incomplete,  // the beginning of a negotiation, and no more
    smtp,
    http,
    tls,
    clamd,
    proxy,     // HAProxy's PROXY protocol, 1 or 2, where none is expected
    axigen,    // the text protocol of Axigen's filters
    not_first, // a milter packet, but not the negotiation, which must be the first
    version,   // a negotiation of a protocol version below 2 or above 6
    oversized, // a milter packet of a length that no MTA sends
    unknown,
    no_proxy_header, // from here on, where a PROXY header must come first (proxy_header.h): something else came
    half_proxy_header,
    proxy_header_1, // of version 1
    bad_proxy_header,
    long_proxy_header,
};
inline constexpr std::size_t kProtocols = 19;

// As many bytes are always enough for a decision.
inline constexpr std::size_t kGuessBytes = 64;

// Of the bytes so far; `undecided` as long as more could change the answer.
[[nodiscard]] Protocol guess_protocol(std::span<const unsigned char> bytes) noexcept;
// When no more will come: never undecided, and none of those from no_proxy_header on.
[[nodiscard]] Protocol guess_final(std::span<const unsigned char> bytes) noexcept;

// Whether a whole negotiation is that by which scanners of ports find milters: version 2, actions 0x7F, no steps. No
// mail server offers these.
[[nodiscard]] bool is_detection(std::span<const unsigned char> negotiation) noexcept;

// What a connection that speaks it is counted as when it is closed for that; unknown where nothing is wrong with it.
[[nodiscard]] Refused refused_for(Protocol protocol) noexcept;
// The word in logs: "smtp", "not_negotiation", …
[[nodiscard]] std::string_view protocol_name(Protocol protocol) noexcept;
// What an operator should know about it: "an SMTP client: is it configured to relay through this port?"
[[nodiscard]] std::string_view protocol_remark(Protocol protocol) noexcept;

} // namespace evermilter::supervisor
