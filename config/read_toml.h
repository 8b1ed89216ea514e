// Reads a text in TOML into the root of a schema. All faults are collected, each with its place, what is wrong and the
// remedy. Nothing here knows which keys there are.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/fault.h"
#include "config/schema.h"

namespace evermilter::config {

// Of the values in the root, once all of a text without a syntax error are read.
using FindConflicts = std::function<std::vector<Conflict>()>;

// `root` has its defaults. Empty: the text is right, and `root` has its values; else `root` has some of them. `origin`
// names the text in faults. Size and depth are checked before anything else.
[[nodiscard]] std::vector<Fault> read_toml(const Schema& schema, void* root, std::string_view text,
                                           const std::string& origin, const FindConflicts& conflicts);

} // namespace evermilter::config
