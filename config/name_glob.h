// Patterns of the names of signatures, as in a rule: "PUA.*", "*.UNOFFICIAL". `*` is any text, `?` any character; ASCII
// case does not count. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/address.h"
#include "workers/common/base/result.h"

namespace evermilter::config {

// Why it is none, with the remedy.
[[nodiscard]] Result<void, AddressFault> check_name_glob(std::string_view glob);

// By fnmatch(3), whose other signs check_name_glob() refuses.
[[nodiscard]] bool matches_name(const std::string& glob, const std::string& name);

} // namespace evermilter::config
