#include "config/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace evermilter::config {
namespace {

AddressFault fault(std::string_view text, std::string_view reason) {
    return AddressFault{"\"" + std::string(text) + "\": " + std::string(reason)};
}

// The same address with all bits beyond the prefix cleared.
Network masked(Network network) {
    for (unsigned i = 0; i < network.bytes.size(); ++i) {
        const unsigned kept = network.prefix > i * 8 ? std::min(8U, network.prefix - i * 8) : 0;
        network.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return network;
}

std::string network_text(const Network& network) {
    std::array<char, INET6_ADDRSTRLEN> address{};
    const int family = network.family == InetAddress::Family::inet ? AF_INET : AF_INET6;
    ::inet_ntop(family, network.bytes.data(), address.data(), address.size());
    return std::string(address.data()) + "/" + std::to_string(network.prefix);
}

} // namespace

Result<Network, AddressFault> parse_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string address(text.substr(0, slash));
    Network network;
    unsigned bits = 32;
    if (::inet_pton(AF_INET, address.c_str(), network.bytes.data()) != 1) {
        network.family = InetAddress::Family::inet6;
        bits = 128;
        if (::inet_pton(AF_INET6, address.c_str(), network.bytes.data()) != 1)
            return fault(text, "write a network as 192.0.2.0/24 or 2001:db8::/32, names are not looked up");
    }
    network.prefix = bits;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix);
        if (error != std::errc{} || end != digits.data() + digits.size() || network.prefix > bits)
            return fault(text, "the number after the slash is one from 0 to " + std::to_string(bits));
    }
    if (const Network meant = masked(network); meant != network)
        return fault(text, "has bits beyond its prefix; write " + network_text(meant));
    return network;
}

} // namespace evermilter::config
