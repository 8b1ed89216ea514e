// What is known of a snapshot without reading its databases: a small file next to them, written by the loader that took
// it and read to choose among snapshots. libclamav passes over it. It only keeps books: a snapshot without one
// can be loaded all the same.
#pragma once

#include <cstdint>
#include <string>

#include "workers/common/base/result.h"

namespace evermilter {

struct SnapshotAbout {
    std::string digest;           // of what is loaded from it, 64 lower-case hexadecimal digits; empty: not known
    std::string source_digest;    // of the directory as it was; differs where a broken file was not taken
    std::uint64_t signatures = 0; // 0: not known
    std::int64_t taken_at = 0;    // Unix time
    std::string database_version; // in the form of clamd's VERSION
};

// Replaced at once, not on disk when it returns. `folder` is the snapshot's.
[[nodiscard]] Result<void> write_about(const std::string& folder, const SnapshotAbout& about);
// What of it can be read; nothing of a file that is missing, or damaged.
[[nodiscard]] SnapshotAbout read_about(const std::string& folder);

} // namespace evermilter
