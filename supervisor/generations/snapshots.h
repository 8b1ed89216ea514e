// The snapshots that loaders have proven and left in database.state_directory: "snapshots/N", N a generation's id.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workers/common/shared/snapshot_paths.h"

namespace evermilter::supervisor {

struct StoredSnapshot {
    std::uint64_t id = 0; // of the generation that took it
    std::string path;
    std::string digest; // of its content; empty: not known
    std::uint64_t signatures = 0;
    std::int64_t taken_at = 0; // Unix time
    std::string database_version;
};

// Newest first. Empty where there are none, or the folder cannot be read.
[[nodiscard]] std::vector<StoredSnapshot> stored_snapshots(const std::string& state_directory);

} // namespace evermilter::supervisor
