// One network in CIDR notation (RFC 4632, RFC 4291 section 2.3). Pure.
// IPv4 and IPv6 are different worlds, but for mapped addresses: ::ffff:192.0.2.0/120 is 192.0.2.0/24.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "workers/common/base/result.h"

namespace evermilter::supervisor {

class Cidr {
  public:
    // Bits of the host part must be 0: "192.0.2.1/24" is refused as a likely slip, with the network that was meant.
    [[nodiscard]] static Result<Cidr> parse(std::string_view text);

    [[nodiscard]] bool contains(const in_addr& address) const noexcept;
    [[nodiscard]] bool contains(const in6_addr& address) const noexcept;

  private:
    bool ipv4_ = false;
    unsigned prefix_ = 0; // bits, of 32 or 128
    std::array<std::uint8_t, 16> network_{};
};

} // namespace evermilter::supervisor
