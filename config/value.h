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

namespace evermilter::config {

// monostate: not set.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>>;

// Why a value was refused, with the remedy. `element` is the one at fault in a list.
struct Refusal {
    std::string reason;
    std::optional<std::size_t> element;
};

// Checks type, form and range, and sets the row's field; leaves `config` as it was on a refusal.
[[nodiscard]] std::optional<Refusal> assign(const Row& row, const Value& value, Config& config);

// The row's value as a file would have it.
[[nodiscard]] Value read(const Row& row, const Config& config);
// The row's default, likewise.
[[nodiscard]] Value fallback(const Row& row);

// A value in TOML's syntax: "30s", 3, ["a", "b"]. Empty for monostate.
[[nodiscard]] std::string value_text(const Value& value);

// What the row accepts, for an operator: "a duration such as \"30s\", from 100ms to 168h".
[[nodiscard]] std::string expectation(const Row& row);

// The words of a text that blanks separate.
[[nodiscard]] std::vector<std::string> split_words(std::string_view text);

} // namespace evermilter::config
