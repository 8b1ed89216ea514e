// Generation ids only grow, across restarts too: the last one is kept in the file "generation" of
// database.state_directory. The supervisor reads it before its first load and counts on alone; each loader records
// its own id before it reads anything, because an fsync takes as long as the disk wants (measured: 0.3 s where others
// write large files) and the supervisor's loop must not wait. The id of a loader that was killed before that may be
// used again, if the supervisor is restarted before another load.
#pragma once

#include <cstdint>
#include <string>

#include "workers/common/base/result.h"

namespace evermilter {

// No service loads so often. A larger number in the file, or as a snapshot's name, is damage.
inline constexpr std::uint64_t kLargestGenerationId = 1'000'000'000'000'000;

// A file that is missing counts as 0; one that holds no id is an Error, because ids must not begin again.
[[nodiscard]] Result<std::uint64_t> last_generation_id(const std::string& state_directory);

// On disk (a new file, fsync, rename) when it returns. One at a time.
[[nodiscard]] Result<void> record_generation_id(const std::string& state_directory, std::uint64_t id);

} // namespace evermilter
