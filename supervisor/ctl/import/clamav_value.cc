#include "supervisor/ctl/import/clamav_value.h"

#include <charconv>
#include <system_error>

#include "config/lower_case.h"

namespace evermilter::ctl {
namespace {

// A number and where it ends; nullopt where none begins.
std::optional<std::uint64_t> leading_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::invalid_argument) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc{} && number < kNoLimit ? number : kNoLimit;
}

} // namespace

std::optional<bool> clamav_boolean(std::string_view text) {
    const std::string lower = config::lower_case(text);
    if (lower == "yes" || lower == "true" || lower == "1") return true;
    if (lower == "no" || lower == "false" || lower == "0") return false;
    return std::nullopt;
}

std::optional<std::uint64_t> clamav_number(std::string_view text) {
    const auto number = leading_number(text);
    return text.empty() ? number : std::nullopt;
}

std::optional<std::uint64_t> clamav_size(std::string_view text) {
    const auto number = leading_number(text);
    if (!number || text.size() > 1) return std::nullopt;
    if (text.empty()) return number;
    constexpr std::string_view units = "kmg";
    const std::size_t unit = units.find(config::lower_case(text));
    if (unit == std::string_view::npos) return std::nullopt;
    const std::uint64_t factor = std::uint64_t{1} << (10 * (unit + 1));
    return *number <= kNoLimit / factor ? *number * factor : kNoLimit;
}

std::string clamav_expectation(ClamavKind kind, std::string_view words) {
    switch (kind) {
        case ClamavKind::boolean:
            return "yes or no";
        case ClamavKind::number:
            return "a whole number";
        case ClamavKind::size:
            return "a number of bytes, or one with K, M or G, such as 25M";
        case ClamavKind::choice:
            return "one of " + std::string(words);
        case ClamavKind::text:
        case ClamavKind::withdrawn:
            break;
    }
    return "a text";
}

} // namespace evermilter::ctl
