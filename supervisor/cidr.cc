// CIDR networks: parsing and membership. Every fault names the entry and the remedy.
#include "supervisor/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace evermilter::supervisor {

namespace {

constexpr unsigned kMappedBits = 96; // ::ffff:0:0/96
constexpr std::size_t kIpv4Size = 4;

Error fault(std::string_view text, const std::string& why) {
    return {0, '"' + std::string(text) + "\" is no network: " + why};
}

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
    const std::size_t slash = text.find('/');
    const std::string host(text.substr(0, slash));
    Cidr cidr;
    in_addr v4{};
    in6_addr v6{};
    unsigned bits = 0;
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
        cidr.ipv4_ = true;
        bits = 32;
        std::memcpy(cidr.network_.data(), &v4, sizeof v4);
    } else if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
        bits = 128;
        std::memcpy(cidr.network_.data(), &v6, sizeof v6);
    } else {
        return fault(text, "write it as 192.0.2.0/24 or 2001:db8::/32 (names are not resolved here)");
    }
    cidr.prefix_ = bits;
    if (slash != std::string_view::npos) {
        const std::string_view length = text.substr(slash + 1);
        const char* end = length.data() + length.size();
        const auto [stop, problem] = std::from_chars(length.data(), end, cidr.prefix_);
        if (problem != std::errc{} || stop != end || length.empty() || cidr.prefix_ > bits) {
            return fault(text, "the prefix length is a number from 0 to " + std::to_string(bits));
        }
    }
    const std::size_t size = bits / 8;
    std::array<std::uint8_t, 16> meant = cidr.network_;
    for (std::size_t index = 0; index < size; ++index) {
        meant[index] = static_cast<std::uint8_t>(meant[index] & mask_of_byte(cidr.prefix_, index));
    }
    if (meant != cidr.network_) {
        std::array<char, INET6_ADDRSTRLEN> shown{};
        ::inet_ntop(cidr.ipv4_ ? AF_INET : AF_INET6, meant.data(), shown.data(), static_cast<socklen_t>(shown.size()));
        return fault(text, "it has bits behind its prefix; the network is " + std::string(shown.data()) + '/' +
                               std::to_string(cidr.prefix_));
    }
    if (!cidr.ipv4_ && cidr.prefix_ >= kMappedBits) {
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
