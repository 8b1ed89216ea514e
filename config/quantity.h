// Quantities as the configuration writes them: durations ("30s"), sizes ("25MiB"), modes of files ("0660").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace evermilter::config {

// A whole number and one of ms, s, m, h; nullopt for anything else and for what no Duration holds.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// With the largest unit that is exact: 90 s is "90s", 120 s is "2m".
[[nodiscard]] std::string duration_text(Duration duration);

// A whole number and one of B, KiB, MiB, GiB, TiB, or no unit for bytes; at most what TOML's integers hold.
[[nodiscard]] std::optional<Size> parse_size(std::string_view text);
[[nodiscard]] std::string size_text(Size size);

// Three or four octal digits, at most 0777: set-id and sticky bits have no business on a socket.
[[nodiscard]] std::optional<std::uint32_t> parse_mode(std::string_view text);
[[nodiscard]] std::string mode_text(std::uint32_t mode);

} // namespace evermilter::config
