// Checks of single texts (paths, names, addresses, replies), and how texts of unknown content are shown and written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/schema.h"

namespace evermilter::config {

// Why `text` is not of the kind, with the remedy; nullopt where it is. `text` is not empty.
[[nodiscard]] std::optional<std::string> check_text(Kind kind, std::string_view text);

// A TOML basic string, quotes included (TOML 1.0, section String).
[[nodiscard]] std::string toml_string(std::string_view text);

// In quotes, escaped, and cut at 80 bytes: what stands in a file may be anything.
[[nodiscard]] std::string printable(std::string_view text);

// A key as it is shown: as it is where it is a bare one (TOML 1.0, section Keys), else in quotes.
[[nodiscard]] std::string shown_key(std::string_view key);

} // namespace evermilter::config
