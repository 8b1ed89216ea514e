// Folders that must not be one another's, and sockets that cannot be the same: each key is right alone.
#pragma once

#include <cstdint>
#include <vector>

#include "config/config.h"
#include "config/validate.h"

namespace evermilter::config {

enum class Links : std::uint8_t {
    as_written, // pure text
    followed,   // what the paths lead to now; what is missing counts as written
};

[[nodiscard]] std::vector<Conflict> check_places(const Config& config, Links links);

} // namespace evermilter::config
