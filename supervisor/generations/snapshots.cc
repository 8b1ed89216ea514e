#include "supervisor/generations/snapshots.h"

#include <utility>

#include "workers/common/shared/snapshot_about.h"

namespace evermilter::supervisor {

std::vector<StoredSnapshot> stored_snapshots(const std::string& state_directory) {
    std::vector<StoredSnapshot> found;
    for (SnapshotPath& snapshot : snapshot_paths(state_directory)) {
        StoredSnapshot& one = found.emplace_back();
        one.id = snapshot.id;
        one.path = std::move(snapshot.path);
        SnapshotAbout about = read_about(one.path);
        one.digest = std::move(about.digest);
        one.signatures = about.signatures;
        one.taken_at = about.taken_at;
        one.database_version = std::move(about.database_version);
    }
    return found;
}

} // namespace evermilter::supervisor
