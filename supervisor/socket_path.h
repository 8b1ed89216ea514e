// The path of a listening unix socket: made, its access set, taken over from a dead process, unlinked at the end
// if it is still ours (same device and inode: another process may have put its own there meanwhile).
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "workers/common/result.h"
#include "workers/common/unique_fd.h"

namespace evermilter::supervisor {

// For unix sockets.
struct SocketAccess {
    mode_t mode = 0660;
    std::string group; // name or number; empty: as it comes
};

struct ResolvedAccess {
    mode_t mode = 0660;
    std::optional<gid_t> group;
};

// Looks the group up. The Error says that there is none of this name.
[[nodiscard]] Result<ResolvedAccess> resolve_access(const SocketAccess& access);

class SocketPath {
  public:
    SocketPath(std::string path, dev_t device, ino_t inode) : path_(std::move(path)), device_(device), inode_(inode) {}
    ~SocketPath();
    SocketPath(const SocketPath&) = delete;
    SocketPath& operator=(const SocketPath&) = delete;
    SocketPath(SocketPath&&) = delete;
    SocketPath& operator=(SocketPath&&) = delete;

    // Mode and group, if the path is still ours.
    [[nodiscard]] Result<void> change_access(const ResolvedAccess& access) const;

  private:
    [[nodiscard]] bool ours() const;

    std::string path_;
    dev_t device_;
    ino_t inode_;
};

struct BoundPath {
    unique_fd socket; // listening, non-blocking, CLOEXEC
    std::unique_ptr<SocketPath> path;
};

// Binds and listens. Nobody can connect before mode and group are right. Errors: EADDRINUSE, a live process listens
// there; EEXIST, what is there is no socket; ENOENT, no such folder; EACCES …
[[nodiscard]] Result<BoundPath> bind_path(const std::string& path, const ResolvedAccess& access, int backlog);

} // namespace evermilter::supervisor
