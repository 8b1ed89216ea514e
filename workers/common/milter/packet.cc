#include "workers/common/milter/packet.h"

namespace evermilter::milter {

std::optional<std::uint32_t> number_at(std::string_view bytes, std::size_t offset) noexcept {
    if (bytes.size() < kLengthBytes || offset > bytes.size() - kLengthBytes) return std::nullopt;
    std::uint32_t number = 0;
    for (const char byte : bytes.substr(offset, kLengthBytes)) number = number << 8U | static_cast<unsigned char>(byte);
    return number;
}

void append_number(std::string& bytes, std::uint32_t number) {
    for (unsigned shift = 32; shift > 0;) {
        shift -= 8;
        bytes += static_cast<char>(number >> shift & 0xffU);
    }
}

std::optional<std::string_view> take_string(std::string_view& data) noexcept {
    const std::size_t end = data.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = data.substr(0, end);
    data.remove_prefix(end + 1);
    return text;
}

void append_string(std::string& data, std::string_view text) {
    data += text;
    data += '\0';
}

Parsed parse_packet(std::string_view bytes) noexcept {
    Parsed parsed;
    const auto length = number_at(bytes, 0);
    if (!length) return parsed;
    if (*length == 0 || *length > kLargestLength) {
        parsed.state = Parsed::State::invalid;
        return parsed;
    }
    if (bytes.size() - kLengthBytes < *length) return parsed;
    parsed.state = Parsed::State::whole;
    parsed.packet = {bytes[kLengthBytes], bytes.substr(kHeadBytes, *length - 1)};
    parsed.size = kLengthBytes + *length;
    return parsed;
}

std::string make_packet(char command, std::string_view data) {
    std::string bytes;
    bytes.reserve(kHeadBytes + data.size());
    append_number(bytes, static_cast<std::uint32_t>(data.size() + 1));
    bytes += command;
    bytes += data;
    return bytes;
}

std::string negotiation_data(const Negotiation& negotiation) {
    std::string data;
    for (const std::uint32_t number : {negotiation.version, negotiation.actions, negotiation.steps})
        append_number(data, number);
    return data;
}

std::optional<Negotiation> read_negotiation(std::string_view data) noexcept {
    const auto version = number_at(data, 0);
    const auto actions = number_at(data, kLengthBytes);
    const auto steps = number_at(data, 2 * kLengthBytes);
    if (!version || !actions || !steps) return std::nullopt;
    return Negotiation{*version, *actions, *steps};
}

std::string macros_data(char of, const Macros& macros) {
    std::string data(1, of);
    for (const auto& [name, value] : macros) {
        append_string(data, name);
        append_string(data, value);
    }
    return data;
}

} // namespace evermilter::milter
