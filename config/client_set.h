// Who connects to the mail server, by address or name, and sets of that.
//   "192.0.2.0/24", "2001:db8::/32", "192.0.2.1"  networks in CIDR notation (network.h)
//   "mail.example.org"                            this host name
//   ".example.org"                                each name below this domain
// A name is what the mail server has looked up and found to lead back to the address; ASCII case does not count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "config/network.h"
#include "workers/common/base/result.h"

namespace evermilter::config {

struct HostName {
    std::string name;        // lower case, without the dot at its front
    bool subdomains = false; // those below it, and not itself
};
using Client = std::variant<Network, HostName>;

[[nodiscard]] Result<Client, AddressFault> parse_client(std::string_view text);

// Add all, then seal(), then ask. Asking takes time by the logarithm of the number of networks. Asked by any thread.
class ClientSet {
  public:
    // 16 bytes in network order; an IPv4 address as ::ffff:a.b.c.d, which no wider network of IPv6 has ("::/0").
    using Address = std::array<std::uint8_t, 16>;

    void add(Client client);
    void seal();

    [[nodiscard]] bool has_address(const Address& address) const;
    [[nodiscard]] bool has_name(std::string_view name) const;
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty() && names_.empty() && subdomains_.empty(); }

  private:
    struct Range {
        Address first{};
        Address last{};
    };
    std::vector<Range> ranges_; // sealed: in order, none touches another
    std::unordered_set<std::string> names_;
    std::unordered_set<std::string> subdomains_; // the domain above them
};

[[nodiscard]] ClientSet::Address mapped(const std::array<std::uint8_t, 4>& ipv4);

} // namespace evermilter::config
