#include "supervisor/generations/snapshots.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "workers/common/shared/generation_id.h"
#include "workers/common/shared/snapshot_about.h"

namespace evermilter::supervisor {

std::uint64_t snapshot_id(const std::string& path) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    std::uint64_t id = 0;
    const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), id);
    return fault == std::errc{} && end == name.data() + name.size() && id <= kLargestGenerationId ? id : 0;
}

std::vector<StoredSnapshot> stored_snapshots(const std::string& state_directory) {
    std::vector<StoredSnapshot> found;
    std::error_code failed;
    std::filesystem::directory_iterator entry(state_directory + "/snapshots", failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
        StoredSnapshot one;
        one.path = entry->path().string();
        one.id = snapshot_id(one.path);
        if (one.id != 0) found.push_back(std::move(one));
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
    for (StoredSnapshot& one : found) {
        SnapshotAbout about = read_about(one.path);
        one.digest = std::move(about.digest);
        one.signatures = about.signatures;
        one.taken_at = about.taken_at;
        one.database_version = std::move(about.database_version);
    }
    return found;
}

} // namespace evermilter::supervisor
