// The snapshots that loaders have proven and left in database.state_directory: "snapshots/N", N a generation's id.
#pragma once

#include <string>
#include <vector>

namespace evermilter::supervisor {

// Paths, newest first. Empty where there are none, or the folder cannot be read.
[[nodiscard]] std::vector<std::string> proven_snapshots(const std::string& state_directory);

} // namespace evermilter::supervisor
