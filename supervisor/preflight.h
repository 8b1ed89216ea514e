// Checks before anything is started that the folders we write to exist, belong to the right user and can be used by it
// (folder_trial.h). Blocks; only for the start and its trial. Afterwards Folders watches them.
#pragma once

#include <sys/file.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/running_service.h"
#include "supervisor/settings.h"
#include "supervisor/start_report.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// Of the folder of a unix socket, where it is made.
inline constexpr mode_t kSocketFolderMode = 0755;

// The folders that children write to while they serve.
enum class FolderUse : std::uint8_t { temp, state, spool };
inline constexpr std::size_t kFolderUses = 3;

struct FolderOrder {
    FolderUse use = FolderUse::temp;
    const char* key = ""; // of the configuration
    std::string path;
    mode_t mode = 0700;
    Identity owner;
    bool locked = false; // no other supervisor may use it
};
[[nodiscard]] std::array<FolderOrder, kFolderUses> folders_of(const Settings& settings);

// Locks a folder against other supervisors, with LOCK_EX of flock(2); LOCK_SH: looks whether one has it.
// EWOULDBLOCK: one has it; the text says so.
[[nodiscard]] Result<unique_fd> lock_folder(const FolderOrder& folder, int operation = LOCK_EX);

// Holds the locks that show other supervisors that the folders are in use (flock(2)). By FolderUse.
using FolderLocks = std::array<unique_fd, kFolderUses>;

// Makes folders that are missing, checks all, wipes what dead scanners left in the temp directory (not what those
// use that a supervisor which was killed has left behind), warns about a temp directory that is not on a tmpfs or has
// less room than scanner.temp_size. Where the report has a fault at the end of a start, the locks are to be thrown
// away. A trial makes, locks, gives and wipes nothing; folders of `running` (nullptr: none) are in use by right.
[[nodiscard]] FolderLocks prepare_folders(const Settings& settings, StartReport& report,
                                          const RunningService* running = nullptr);

// Removes the folders (g*-s*) of a generation (0: of all) in `temp_directory`, except those of `spared`. Waits: only at
// the start, at the end, and in a helper. Returns what could not be removed, and why, or "".
[[nodiscard]] std::string wipe_scanner_folders(const std::string& temp_directory, std::uint64_t generation = 0,
                                               const std::vector<std::uint64_t>& spared = {});
// Of all whose engine is in nobody's memory any more.
void wipe_dead_scanner_folders(const Settings& settings);

} // namespace evermilter::supervisor
