// Checks that take more than one key: nesting of deadlines, wildcard listeners, workers. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace evermilter::config {

// `keys` are all that take part, the one to be changed first; the fault is shown at the first of them that stands
// in the file.
struct Conflict {
    std::vector<std::string> keys;
    std::string reason;
};

// Precondition: each value by itself is valid.
[[nodiscard]] std::vector<Conflict> validate(const Config& config);

} // namespace evermilter::config
