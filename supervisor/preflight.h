// Checks before anything is started that the folders we write to exist, belong to the right user and can be used by it
// (folder_trial.h). Blocks; only for the start. Afterwards Folders watches them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/settings.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// Why the supervisor does not start.
struct StartFault {
    int exit_code = 0; // sysexits
    std::string text;
};

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

// Locks a folder against other supervisors. EWOULDBLOCK: one has it; the text says so.
[[nodiscard]] Result<unique_fd> lock_folder(const FolderOrder& folder);

// Holds the locks that show other supervisors that the folders are in use (flock(2)). By FolderUse.
using FolderLocks = std::array<unique_fd, kFolderUses>;

// Makes folders that are missing, checks all, wipes what dead scanners left in the temp directory (not what those
// use that a supervisor which was killed has left behind), warns in the log
// about a temp directory that is not on a tmpfs or has less room than scanner.temp_size.
[[nodiscard]] Result<FolderLocks, StartFault> prepare_folders(const Settings& settings);

// Removes the folders (g*-s*) of a generation (0: of all) in `temp_directory`, except those of `spared`. Waits: only at
// the start, at the end, and in a helper. Returns what could not be removed, and why, or "".
[[nodiscard]] std::string wipe_scanner_folders(const std::string& temp_directory, std::uint64_t generation = 0,
                                               const std::vector<std::uint64_t>& spared = {});
// Of all whose engine is in nobody's memory any more.
void wipe_dead_scanner_folders(const Settings& settings);

} // namespace evermilter::supervisor
