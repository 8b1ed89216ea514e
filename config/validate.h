// Checks that take more than one key: nesting of deadlines, wildcard listeners, workers. Pure.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/fault.h"

namespace evermilter::config {

// Precondition: each value is valid alone.
[[nodiscard]] std::vector<Conflict> validate(const Config& config);

} // namespace evermilter::config
