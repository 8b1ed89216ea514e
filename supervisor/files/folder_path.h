// Makes and opens folders and their contents by descriptor. As root we make folders and sockets below folders of other
// users, who may put a symbolic link in their place at any moment: a path is opened part by part, a link is followed
// only where root made it, and owner and mode are given to what was opened, never to a path.
#pragma once

#include <sys/types.h>

#include <string>

#include "supervisor/privileges.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// O_PATH. Errors: ENOENT, ENOTDIR; ELOOP, a symbolic link of another user is on the way.
[[nodiscard]] Result<unique_fd> open_folder(const std::string& path);

// The folder in which `path` lies, and its name there.
struct Place {
    unique_fd folder;
    std::string name;
};
[[nodiscard]] Result<Place> open_place(const std::string& path);

// Whether folders above the one to be made are made too, as ours and with 0755.
enum class Above { must_exist, made };

// Makes `path` with `mode` for `owner`. EEXIST: something is there, and is left as it is.
[[nodiscard]] Result<void> make_folder(const std::string& path, mode_t mode, const Identity& owner, Above above);
// Whether make_folder() could: the same errors, as far as they can be known without making it.
[[nodiscard]] Result<void> could_make_folder(const std::string& path, Above above);

// Whether this process may make something in an open folder, O_PATH too, and there is room for it: 0 or an errno.
[[nodiscard]] int could_make_in(int folder);

// Gives what is open, O_PATH too, to `owner`, with `mode`.
[[nodiscard]] Result<void> give_folder(int folder, mode_t mode, const Identity& owner);

// A path by which a call without a descriptor argument reaches an open file, O_PATH included.
[[nodiscard]] std::string proc_path(int descriptor);

} // namespace evermilter::supervisor
