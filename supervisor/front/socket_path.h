// The path of a listening unix socket: makes it, sets its access, takes it over from a dead process, and unlinks it at
// the end if it is still ours (same device and inode: another process may have put its own there meanwhile). Works by
// descriptor (folder_path.h), because the folder may belong to another user.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

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

// Looks the group up. The Error says that no group has this name.
[[nodiscard]] Result<ResolvedAccess> resolve_access(const SocketAccess& access);

class SocketPath {
  public:
    // A socket of ours, `name` in `folder`.
    SocketPath(std::string path, unique_fd folder, std::string name, const struct stat& socket);
    // A socket that the service manager has bound and owns: its access and its path are left alone.
    explicit SocketPath(std::string path);
    ~SocketPath();
    SocketPath(const SocketPath&) = delete;
    SocketPath& operator=(const SocketPath&) = delete;
    SocketPath(SocketPath&&) = delete;
    SocketPath& operator=(SocketPath&&) = delete;

    // Whether a client that connects to the path reaches this socket: it was neither removed nor replaced. For a
    // manager's socket the test is that the same inode is there and a living process has it open.
    [[nodiscard]] bool reachable() const;
    // Gives the path up: it stays when this object ends.
    void leave() { folder_.reset(); }
    // The access that the manager gave it; empty where it had no socket.
    [[nodiscard]] const std::optional<ResolvedAccess>& managers_access() const { return managers_access_; }
    // Mode and group, if what lies there is still ours.
    [[nodiscard]] Result<void> change_access(const ResolvedAccess& access) const;

  private:
    [[nodiscard]] bool is_socket(const struct stat& found) const;

    std::string path_;
    unique_fd folder_; // empty: the manager's
    std::string name_;
    dev_t device_ = 0;
    ino_t inode_ = 0; // 0: there was none
    std::optional<ResolvedAccess> managers_access_;
};

struct BoundPath {
    unique_fd socket; // listening, non-blocking, CLOEXEC
    std::unique_ptr<SocketPath> path;
};

// Whether this process may give a file of its own to the group: root may give to any.
[[nodiscard]] bool may_give_to(gid_t group);

// Whether bind_path() could: the same errors, as far as they can be known without binding, without removing what a dead
// process has left, and without a process that listens there noticing. A folder that is missing is no error.
[[nodiscard]] Result<void> could_bind_path(const std::string& path, const ResolvedAccess& access);

// Binds and listens. Nobody can connect before mode and group are right: it is bound under a name that nobody knows,
// gets mode and group by descriptor, and then its own name. Errors: EADDRINUSE, a live process listens there; EEXIST,
// what is there is no socket; ENOENT, no such folder; ELOOP, see open_folder(); EACCES …
[[nodiscard]] Result<BoundPath> bind_path(const std::string& path, const ResolvedAccess& access, int backlog);

} // namespace evermilter::supervisor
