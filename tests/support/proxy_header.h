// PROXY headers of version 2 as a proxy sends them, put together byte by byte, right and wrong ones.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace evermilter::test {

inline std::string two_bytes(std::size_t number) {
    return {static_cast<char>(number >> 8U & 0xffU), static_cast<char>(number & 0xffU)};
}

// Signature, version and command, family and transport, length of `rest`, `rest`.
inline std::string proxy_header(char command, char family, std::string_view rest) {
    std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
    header += command;
    header += family;
    header += two_bytes(rest.size());
    header += rest;
    return header;
}

// As for a connection from `address` ("192.0.2.1", "2001:db8::1") and `port`; `more` follows the addresses.
inline std::string proxied(const char* address, std::uint16_t port = 4711, std::string_view more = {}) {
    const bool is_v6 = std::string_view(address).find(':') != std::string_view::npos;
    const std::size_t size = is_v6 ? 16 : 4;
    std::array<char, 16> source{};
    if (::inet_pton(is_v6 ? AF_INET6 : AF_INET, address, source.data()) != 1) throw std::invalid_argument(address);
    std::string rest(source.data(), size);
    rest += std::string(size, '\x7f'); // destination
    rest += two_bytes(port) + two_bytes(7357);
    rest += more;
    return proxy_header('\x21', is_v6 ? '\x21' : '\x11', rest);
}

// The proxy's own connection.
inline std::string proxy_local() {
    return proxy_header('\x20', '\0', {});
}

// An additional field of an unofficial type.
inline std::string proxy_field(std::size_t size) {
    return "\xe0" + two_bytes(size) + std::string(size, 'x');
}

} // namespace evermilter::test
