// Where snapshots of the database are: "snapshots/N" in database.state_directory, N the id of the generation that took
// it. Loaders make and publish them; loaders and the supervisor look for them by these names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter {

[[nodiscard]] std::string snapshots_folder(const std::string& state_directory);

// The id in a snapshot's name or path; 0 for what has none.
[[nodiscard]] std::uint64_t snapshot_id(std::string_view path);

struct SnapshotPath {
    std::uint64_t id = 0;
    std::string path;
};
// All that are there, newest first. Empty where there are none, or the folder cannot be read.
[[nodiscard]] std::vector<SnapshotPath> snapshot_paths(const std::string& state_directory);

} // namespace evermilter
