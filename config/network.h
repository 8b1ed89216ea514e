// Networks in CIDR notation: 192.0.2.0/24, 2001:db8::/32, or a bare address as a network of one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "config/address.h"

namespace evermilter::config {

struct Network {
    InetAddress::Family family = InetAddress::Family::inet;
    std::array<std::uint8_t, 16> bytes{}; // network order; 4 of them for inet
    unsigned prefix = 0;                  // bits: at most 32 for inet, 128 for inet6
    bool operator==(const Network&) const = default;
};

// Refuses bits beyond the prefix (192.0.2.1/24): they are a slip, and the remedy names the network meant.
[[nodiscard]] Result<Network, AddressFault> parse_network(std::string_view text);

} // namespace evermilter::config
