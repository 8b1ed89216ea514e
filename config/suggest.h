// The known name that an unknown one was most likely meant to be.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"

namespace evermilter::config {

// The nearest key of the schema, "section.name". The key's own section is preferred a little; the same name in
// another section beats a different one in this.
[[nodiscard]] std::string_view nearest_key(const Schema& schema, std::string_view section, std::string_view name);
[[nodiscard]] const Section& nearest_section(const Schema& schema, std::string_view name);

// Insertions, deletions, substitutions and swaps of neighbours that lead from one to the other (optimal string
// alignment). Only the first 64 bytes of each are looked at.
[[nodiscard]] std::size_t edit_distance(std::string_view one, std::string_view two);

} // namespace evermilter::config
