// Addresses of sockets as the configuration and the command line write them (milter(7) style):
// unix:/path, local:/path, /path, inet:port@host, inet6:port@host. Pure text: nothing is resolved or opened here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "workers/common/base/result.h"

namespace evermilter::config {

struct UnixAddress {
    std::string path; // absolute, at most 107 bytes (sun_path and its NUL, unix(7))
    bool operator==(const UnixAddress&) const = default;
};

struct InetAddress {
    enum class Family : std::uint8_t { inet, inet6 };
    Family family = Family::inet;
    std::string host;       // name or numeric, without brackets; empty: every address of the machine
    std::uint16_t port = 0; // 0: the kernel chooses
    bool operator==(const InetAddress&) const = default;
};

using ListenAddress = std::variant<UnixAddress, InetAddress>;

// Why a text is not a valid address, with the remedy, for an operator.
struct AddressFault {
    std::string reason;
};

[[nodiscard]] Result<ListenAddress, AddressFault> parse_address(std::string_view text);

// The canonical form, which parse_address() takes back: "unix:/path", "inet:8891@127.0.0.1", "inet6:8891@::1".
[[nodiscard]] std::string address_text(const ListenAddress& address);

// Whether it stands for every address of the machine: no host, "*", or any numeric spelling of 0.0.0.0 or ::.
// A name that resolves to one of these is not seen here.
[[nodiscard]] bool is_wildcard(const ListenAddress& address);

} // namespace evermilter::config
