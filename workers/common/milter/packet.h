// The framing of the milter protocol, once for all that read or write it: a packet is a 32-bit length in network order
// and that many bytes, the first of which is the command (libmilter/comm.c, mi_rd_cmd). Pure and strict: what does not
// fit its bounds is no packet, and nothing is read beyond the bytes that are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workers/common/milter/protocol.h"

namespace evermilter::milter {

inline constexpr std::size_t kLengthBytes = 4;
inline constexpr std::size_t kHeadBytes = kLengthBytes + 1; // with the command
// The largest length: the command and the most data.
inline constexpr std::size_t kLargestLength = kLargestData + 1;

// The number at this offset; empty where its four bytes are not all there.
[[nodiscard]] std::optional<std::uint32_t> number_at(std::string_view bytes, std::size_t offset) noexcept;
void append_number(std::string& bytes, std::uint32_t number);

// A string at the beginning of `data`, which is taken off with its NUL; empty where none ends.
[[nodiscard]] std::optional<std::string_view> take_string(std::string_view& data) noexcept;
void append_string(std::string& data, std::string_view text);

struct Packet {
    char command = command::kNone;
    std::string_view data; // in the bytes that were parsed
};

struct Parsed {
    enum class State : std::uint8_t {
        partial, // more bytes are needed
        whole,
        invalid, // a length of 0, or above kLargestLength: the stream cannot be read any further
    };
    State state = State::partial;
    Packet packet;        // of a whole one
    std::size_t size = 0; // bytes that it takes, length included
};
// The packet at the beginning of `bytes`.
[[nodiscard]] Parsed parse_packet(std::string_view bytes) noexcept;

// A packet, ready to be sent. Precondition: no more data than kLargestData.
[[nodiscard]] std::string make_packet(char command, std::string_view data = {});

// The offer of a mail server, and the milter's answer.
struct Negotiation {
    std::uint32_t version = 0;
    std::uint32_t actions = 0;
    std::uint32_t steps = 0;
    bool operator==(const Negotiation&) const = default;
};
inline constexpr std::size_t kNegotiationData = 12; // bytes; a macro list may follow
inline constexpr std::size_t kNegotiationBytes = kHeadBytes + kNegotiationData;
[[nodiscard]] std::string negotiation_data(const Negotiation& negotiation);
[[nodiscard]] std::optional<Negotiation> read_negotiation(std::string_view data) noexcept;

// The data of command::kMacros: what is known before the command `of`.
using Macros = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::string macros_data(char of, const Macros& macros);

} // namespace evermilter::milter
