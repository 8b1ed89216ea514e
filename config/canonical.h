// The canonical form of what a schema addresses: every key with its effective value, in the schema's order. Pure.
#pragma once

#include <string>

#include "config/schema.h"

namespace evermilter::config {

// An entry of a repeated section is written as often as it stands; none of them is a comment.
[[nodiscard]] std::string to_toml(const Schema& schema, const void* root);

// What of an entry is not as the defaults have it, in one line, and its name first: {name = "inside", mode = "0600"}.
[[nodiscard]] std::string inline_table(const Section& section, const void* entry);

// "[milter]" or "[[listener]]".
[[nodiscard]] std::string header(const Section& section);

} // namespace evermilter::config
