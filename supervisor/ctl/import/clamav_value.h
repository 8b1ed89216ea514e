// The kinds of values in ClamAV's configuration files, as its own parser takes them (seen with clamconf 1.4.6). Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace evermilter::ctl {

enum class ClamavKind : std::uint8_t {
    boolean,   // yes, no, true, false, 1, 0; upper and lower case are the same
    number,    // digits
    size,      // digits, perhaps with K, M or G; 0 sets no limit
    text,      // the rest of the line
    choice,    // one of several words; upper and lower case are the same
    withdrawn, // whatever stands there: ClamAV ignores the option
};

inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::int64_t>::max(); // TOML's integers end there

[[nodiscard]] std::optional<bool> clamav_boolean(std::string_view text);
// More than kNoLimit is kNoLimit.
[[nodiscard]] std::optional<std::uint64_t> clamav_number(std::string_view text);
// In bytes. ClamAV puts the largest number in the place of 0.
[[nodiscard]] std::optional<std::uint64_t> clamav_size(std::string_view text);

// What a value of the kind looks like, for the operator whose value was refused. `words` are those of a choice.
[[nodiscard]] std::string clamav_expectation(ClamavKind kind, std::string_view words);

} // namespace evermilter::ctl
