#include "config/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace evermilter::config {
namespace {

constexpr std::string_view kForms = "write unix:/path, inet:port@host or inet6:port@host";

AddressFault fault(std::string_view text, std::string_view reason) {
    return AddressFault{"\"" + std::string(text) + "\": " + std::string(reason)};
}

bool printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

Result<ListenAddress, AddressFault> parse_unix(std::string_view text, std::string_view path) {
    constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    if (path.empty() || path.front() != '/') return fault(text, "the path of a unix socket begins with /");
    if (path.size() < 2 || path.back() == '/') return fault(text, "names a folder; add the name of the socket");
    if (path.size() > longest)
        return fault(text, "the path is longer than the " + std::to_string(longest) + " bytes that the kernel takes");
    return UnixAddress{std::string(path)};
}

Result<ListenAddress, AddressFault> parse_inet(std::string_view text, std::string_view rest,
                                               InetAddress::Family family) {
    const std::size_t at = rest.find('@');
    const std::string_view digits = rest.substr(0, at);
    std::string_view host = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
    InetAddress address;
    address.family = family;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return fault(text, "the port is a number from 0 to 65535, before the @ and the host");
    if (at != std::string_view::npos && host.empty())
        return fault(text, "no host after the @; 127.0.0.1 or ::1 listens on this machine only");
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    if (!printable(host) || host.find_first_of("@[]/") != std::string_view::npos)
        return fault(text, "the host is a name or a numeric address");
    if (family == InetAddress::Family::inet && host.find(':') != std::string_view::npos)
        return fault(text, "an IPv6 host is written inet6:port@host");
    address.host = host;
    return address;
}

} // namespace

Result<ListenAddress, AddressFault> parse_address(std::string_view text) {
    if (text.starts_with("/")) return parse_unix(text, text);
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return fault(text, kForms);
    const std::string_view kind = text.substr(0, colon);
    const std::string_view rest = text.substr(colon + 1);
    if (kind == "unix" || kind == "local") return parse_unix(text, rest);
    if (kind == "inet") return parse_inet(text, rest, InetAddress::Family::inet);
    if (kind == "inet6") return parse_inet(text, rest, InetAddress::Family::inet6);
    return fault(text, kForms);
}

std::string address_text(const ListenAddress& address) {
    if (const auto* local = std::get_if<UnixAddress>(&address)) return "unix:" + local->path;
    const auto& inet = std::get<InetAddress>(address);
    std::string text = inet.family == InetAddress::Family::inet ? "inet:" : "inet6:";
    text += std::to_string(inet.port);
    if (!inet.host.empty()) text += "@" + inet.host;
    return text;
}

bool is_wildcard(const ListenAddress& address) {
    const auto* inet = std::get_if<InetAddress>(&address);
    if (inet == nullptr) return false;
    if (inet->host.empty() || inet->host == "*") return true;
    if (inet->family == InetAddress::Family::inet) {
        in_addr numeric{}; // inet_aton, because the resolver takes "0" and "0x0" as well
        return ::inet_aton(inet->host.c_str(), &numeric) != 0 && numeric.s_addr == htonl(INADDR_ANY);
    }
    const std::string host = inet->host.substr(0, inet->host.find('%'));
    in6_addr numeric{};
    if (::inet_pton(AF_INET6, host.c_str(), &numeric) != 1) return false;
    const auto* bytes = static_cast<const unsigned char*>(numeric.s6_addr);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&numeric);
    return std::all_of(bytes + (mapped ? 12 : 0), bytes + 16, [](unsigned char byte) { return byte == 0; });
}

} // namespace evermilter::config
