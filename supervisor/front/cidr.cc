// CIDR networks: membership. The form is read by the configuration's own parser, so that both take the same.
#include "supervisor/front/cidr.h"

#include <algorithm>
#include <cstring>
#include <variant>

#include "config/network.h"

namespace evermilter::supervisor {

namespace {

constexpr unsigned kMappedBits = 96; // ::ffff:0:0/96
constexpr std::size_t kIpv4Size = 4;

std::uint8_t mask_of_byte(unsigned prefix, std::size_t index) {
    const unsigned before = static_cast<unsigned>(index) * 8;
    if (prefix >= before + 8) return 0xff;
    if (prefix <= before) return 0;
    return static_cast<std::uint8_t>(0xff00U >> (prefix - before));
}

bool same_network(const std::uint8_t* network, const std::uint8_t* address, std::size_t size, unsigned prefix) {
    for (std::size_t index = 0; index < size; ++index) {
        if (((network[index] ^ address[index]) & mask_of_byte(prefix, index)) != 0) return false;
    }
    return true;
}

} // namespace

Result<Cidr> Cidr::parse(std::string_view text) {
    const auto parsed = config::parse_network(text);
    if (!parsed) return Error{0, parsed.error().reason};
    const config::Network& network = *parsed;
    Cidr cidr;
    cidr.ipv4_ = network.family == config::InetAddress::Family::inet;
    cidr.prefix_ = network.prefix;
    cidr.network_ = network.bytes;
    if (!cidr.ipv4_ && cidr.prefix_ >= kMappedBits) {
        in6_addr v6{};
        std::memcpy(&v6, cidr.network_.data(), sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6)) {
            std::array<std::uint8_t, 16> inner{};
            std::copy_n(cidr.network_.begin() + 12, kIpv4Size, inner.begin());
            cidr.ipv4_ = true;
            cidr.prefix_ -= kMappedBits;
            cidr.network_ = inner;
        }
    }
    return cidr;
}

bool Cidr::contains(const in_addr& address) const noexcept {
    std::array<std::uint8_t, kIpv4Size> bytes{};
    std::memcpy(bytes.data(), &address, bytes.size());
    return ipv4_ && same_network(network_.data(), bytes.data(), bytes.size(), prefix_);
}

bool Cidr::contains(const in6_addr& address) const noexcept {
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        in_addr inner{};
        std::memcpy(&inner, &address.s6_addr[12], sizeof inner);
        return contains(inner);
    }
    return !ipv4_ && same_network(network_.data(), &address.s6_addr[0], network_.size(), prefix_);
}

} // namespace evermilter::supervisor
