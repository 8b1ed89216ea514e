// What changed between two configurations, and what each change needs. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"

namespace evermilter::config {

struct Change {
    std::string_view key; // of the schema, lives as long as the program
    AppliesBy needs = AppliesBy::live;
    std::string before; // as TOML; empty: not set
    std::string after;
};

// In the schema's order; empty where nothing changed. Whether a key stands in the file or has the same value by
// default is no change, except where that means something: milter.allow and log.target.
[[nodiscard]] std::vector<Change> diff(const Config& before, const Config& after);

// The most that any of the changes needs; AppliesBy::live for none.
[[nodiscard]] AppliesBy most_needed(const std::vector<Change>& changes);

// "taken at once", "new session workers", "a new generation", "a restart".
[[nodiscard]] std::string_view needs_text(AppliesBy needs);

} // namespace evermilter::config
