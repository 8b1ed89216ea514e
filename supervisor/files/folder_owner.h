// Gives a folder of ours to its new user, with its contents, after process.user or process.scanner_user was changed or
// scanners got a user of their own. Only as root.
#pragma once

#include <sys/types.h>

#include <optional>

#include "supervisor/preflight.h"
#include "supervisor/start_report.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

// Gives `folder` to its user where it is empty, or another ordinary user's and holds nothing but what evermilter makes
// there. Of what is in it, that user's files and folders are given on, and nothing else; the folders of scanners
// stay, because their scanners may live. A symbolic link of another user is not followed (folder_path.h). Not as root,
// or where there is nothing to do: nothing is done. A trial gives nothing. Returns the mode that the folder has then;
// nullopt where it is not given.
[[nodiscard]] Result<std::optional<mode_t>> give_to_new_user(const FolderOrder& folder, StartMode mode);

} // namespace evermilter::supervisor
