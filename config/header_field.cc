#include "config/header_field.h"

#include <algorithm>

#include "config/lower_case.h"
#include "config/text_check.h"

namespace evermilter::config {
namespace {

// A line of 998 characters (RFC 5322, section 2.1.1), with room for the name of a signature.
constexpr std::size_t kLongest = 500;
constexpr std::string_view kVirus = "{virus}";

AddressFault fault(std::string_view text, const std::string& reason) {
    return AddressFault{printable(text) + reason};
}

} // namespace

Result<HeaderField, AddressFault> parse_header_field(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const auto in_name = [](char c) { return c > ' ' && c < '\x7f' && c != ':'; };
    if (colon == std::string_view::npos || name.empty() || !std::all_of(name.begin(), name.end(), in_name))
        return fault(text, " is not a header field; write name, colon and value, such as \"X-Spam-Tag: {virus}\"");
    std::string_view value = text.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    const auto in_value = [](char c) { return c >= ' ' && c < '\x7f'; };
    if (value.empty() || !std::all_of(value.begin(), value.end(), in_value) || text.size() > kLongest)
        return fault(text, " has no value of up to " + std::to_string(kLongest) + " characters of ASCII on one line");
    for (std::size_t at = value.find_first_of("{}"); at != std::string_view::npos; at = value.find_first_of("{}", at)) {
        if (!value.substr(at).starts_with(kVirus))
            return fault(value.substr(at), " is not a placeholder; known is {virus}");
        at += kVirus.size();
    }
    const std::string lower = lower_case(name);
    if (lower == "x-virus-status" || lower == "x-virus-scanned")
        return fault(name, " is a field of evermilter's own; choose another name");
    return HeaderField{std::string(name), std::string(value)};
}

} // namespace evermilter::config
