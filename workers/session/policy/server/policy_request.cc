#include "workers/session/policy/server/policy_request.h"

#include <strings.h>

#include <charconv>
#include <cstring>

namespace evermilter::session {
namespace {

// A value ends its line; nothing in it makes another.
void add(std::string& request, std::string_view name, std::string_view value) {
    request += name;
    request += '=';
    for (const char byte : value) request += byte == '\n' || byte == '\r' || byte == '\0' ? '?' : byte;
    request += '\n';
}

} // namespace

std::string_view bare_address(std::string_view address) noexcept {
    if (address.size() >= 2 && address.front() == '<' && address.back() == '>')
        return address.substr(1, address.size() - 2);
    return address;
}

std::uint64_t announced_size(const char* const* parameters) noexcept {
    constexpr std::string_view name = "SIZE=";
    std::uint64_t size = 0;
    for (; parameters != nullptr && *parameters != nullptr; ++parameters) {
        if (::strncasecmp(*parameters, name.data(), name.size()) != 0) continue;
        const std::string_view value(*parameters + name.size());
        if (std::from_chars(value.data(), value.data() + value.size(), size).ec != std::errc{}) return 0;
    }
    return size;
}

std::string policy_request(const PolicyQuestion& question) {
    std::string request = "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n";
    add(request, "client_address", question.client_address);
    add(request, "client_name", question.client_name.empty() ? "unknown" : question.client_name);
    add(request, "helo_name", question.helo);
    add(request, "sender", bare_address(question.sender));
    add(request, "recipient", bare_address(question.recipient));
    add(request, "recipient_count", "0");
    add(request, "queue_id", question.queue_id);
    add(request, "instance", question.instance);
    add(request, "size", std::to_string(question.size));
    add(request, "sasl_username", question.user);
    request += '\n';
    return request;
}

} // namespace evermilter::session
