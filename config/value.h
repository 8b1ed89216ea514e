// Values on their way between a file and a Config: what a row of the schema accepts, and how a Config's value is
// written. Knows nothing of TOML's syntax; the parser hands in values as the file has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/schema.h"
#include "workers/common/base/result.h"

namespace evermilter::config {

// monostate: not set.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>>;

// Why a value cannot be taken, with the remedy. `element` is the one at fault in a list.
struct BadValue {
    std::string reason;
    std::optional<std::size_t> element;
};

// Checks type, form and range, and sets the row's field of `entry`, which is one of the row's section; leaves it as it
// was where the value is bad.
[[nodiscard]] Result<void, BadValue> assign(const Row& row, const Value& value, void* entry);

// The row's value as a file would have it.
[[nodiscard]] Value read(const Row& row, const void* entry);
// Whether the key stood in the file, for rows that ask (Row::in_file); false for all others.
[[nodiscard]] bool stands_in_file(const Row& row, const void* entry);
// The row's default, likewise; monostate for a row without.
[[nodiscard]] Value default_of(const Row& row);
// Whether the value is the row's default, however the table writes that ("60s" is "1m").
[[nodiscard]] bool is_default(const Row& row, const Value& value);
// The value to show where there is no default.
[[nodiscard]] Value example(const Row& row);

// A value in TOML's syntax: "30s", 3, ["a", "b"]. Empty for monostate.
[[nodiscard]] std::string value_text(const Value& value);

// What the row accepts, for an operator whose value was refused: how to write it, and the range.
[[nodiscard]] std::string expectation(const Row& row);
// The same for the documentation, which says once how each kind is written: "duration, from \"100ms\" to \"168h\"".
[[nodiscard]] std::string summary(const Row& row);

// The words of a text that blanks separate.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);

} // namespace evermilter::config
