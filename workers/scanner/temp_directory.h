// The folders in which scans put their files: made, wiped and removed by path, never following a symbolic link
// (what lies in them was named by libclamav, but unpacked from strangers' mail).
#pragma once

#include <string>

#include "workers/common/base/result.h"

namespace evermilter::scanner {

// Removes the folder `path` with all that is in it; nothing there is success. Does not cross into another
// filesystem and stops at the first entry that cannot be removed.
[[nodiscard]] Result<void> remove_tree(const std::string& path);

// An empty folder `path` of mode 0700: what was there before is removed. Its parent must exist.
[[nodiscard]] Result<void> make_empty_directory(const std::string& path);

} // namespace evermilter::scanner
