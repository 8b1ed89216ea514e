#include "workers/common/shared/snapshot_paths.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "workers/common/shared/generation_id.h"

namespace evermilter {

std::string snapshots_folder(const std::string& state_directory) {
    return state_directory + "/snapshots";
}

std::uint64_t snapshot_id(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    return error == std::errc{} && end == name.data() + name.size() && id <= kLargestGenerationId ? id : 0;
}

std::vector<SnapshotPath> snapshot_paths(const std::string& state_directory) {
    std::vector<SnapshotPath> found;
    std::error_code failed;
    std::filesystem::directory_iterator entry(snapshots_folder(state_directory), failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
        std::string path = entry->path().string();
        if (const std::uint64_t id = snapshot_id(path); id != 0) found.push_back({id, std::move(path)});
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
    return found;
}

} // namespace evermilter
