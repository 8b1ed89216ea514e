// What changed between two configurations, and what each change needs. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"

namespace evermilter::config {

struct Change {
    std::string key; // "timeouts.eom"; in a repeated section "listener[inside].mode", or "listener[inside]" for a whole
    AppliesBy needs = AppliesBy::live;
    std::string before; // as TOML; empty: not set, or there was no such entry
    std::string after;
};

// In the schema's order; empty where nothing changed. Whether a key stands in the file or has the same value by
// default is no change, except where that means something: milter.allow and log.target. Entries of a repeated section
// are the same where they have the same name, or the same position where they have none; another order is a change of
// its own where it has a meaning (Section::ordered).
[[nodiscard]] std::vector<Change> diff(const Config& before, const Config& after);
[[nodiscard]] std::vector<Change> diff(const Schema& schema, const void* before, const void* after);

// The most that any of the changes needs; AppliesBy::live for none.
[[nodiscard]] AppliesBy most_needed(const std::vector<Change>& changes);

// "taken at once", "new session workers", "a new generation", "a restart".
[[nodiscard]] std::string_view needs_text(AppliesBy needs);

} // namespace evermilter::config
