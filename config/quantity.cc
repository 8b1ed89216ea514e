#include "config/quantity.h"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace evermilter::config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array kDurationUnits = {Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array kSizeUnits = {Unit{"TiB", 1ULL << 40U}, Unit{"GiB", 1ULL << 30U}, Unit{"MiB", 1ULL << 20U},
                                   Unit{"KiB", 1ULL << 10U}, Unit{"B", 1}};
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units, bool bare_number) {
    std::uint64_t number = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc{}) return std::nullopt;
    const std::string_view name(end, static_cast<std::size_t>(last - end));
    if (name.empty() && bare_number) return number <= kMost ? std::optional(number) : std::nullopt;
    for (const Unit& unit : units)
        if (unit.name == name)
            return number <= kMost / unit.factor ? std::optional(number * unit.factor) : std::nullopt;
    return std::nullopt;
}

std::string quantity_text(std::uint64_t number, std::span<const Unit> units) {
    for (const Unit& unit : units)
        if (number != 0 && number % unit.factor == 0)
            return std::to_string(number / unit.factor) + std::string(unit.name);
    return "0" + std::string(units.back().name);
}

} // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    const auto milliseconds = parse_quantity(text, kDurationUnits, false);
    if (!milliseconds) return std::nullopt;
    return Duration(static_cast<Duration::rep>(*milliseconds));
}

std::string duration_text(Duration duration) {
    return quantity_text(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
}

std::optional<Size> parse_size(std::string_view text) {
    return parse_quantity(text, kSizeUnits, true);
}

std::string size_text(Size size) {
    return quantity_text(size, kSizeUnits);
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
    std::uint32_t mode = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, mode, 8);
    if (error != std::errc{} || end != last || text.size() < 3 || text.size() > 4 || mode > 0777) return std::nullopt;
    return mode;
}

std::string mode_text(std::uint32_t mode) {
    std::string text = "0000";
    for (std::size_t i = text.size(); i-- > 0; mode >>= 3U) text[i] = static_cast<char>('0' + (mode & 7U));
    return text;
}

} // namespace evermilter::config
