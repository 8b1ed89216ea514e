// Generation ids only grow, across restarts too: the last one is kept in the file "generation" of
// database.state_directory, written before each load starts.
#pragma once

#include <cstdint>
#include <string>

#include "workers/common/result.h"

namespace evermilter::supervisor {

// The next id, recorded on disk (a new file, fsync, rename) before it is returned. A file that is missing counts as
// 0; one that holds no number is an Error, because ids must not begin anew.
[[nodiscard]] Result<std::uint64_t> next_generation_id(const std::string& state_directory);

} // namespace evermilter::supervisor
