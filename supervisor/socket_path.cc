// Binding unix sockets by path. On any error nothing of ours is left at the path.
#include "supervisor/socket_path.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace evermilter::supervisor {

namespace {

Result<sockaddr_un> unix_name(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) {
        return Error{ENAMETOOLONG, "cannot listen on " + path + ": the path of a unix socket has at most " +
                                       std::to_string(sizeof name.sun_path - 1) + " bytes"};
    }
    std::copy(path.begin(), path.end(), name.sun_path);
    return name;
}

// Clears the path of a socket that a dead process has left. Nothing there is fine too.
Result<void> take_over(const std::string& path, const sockaddr_un& name) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return {};
        return system_error("cannot listen on " + path);
    }
    if (!S_ISSOCK(info.st_mode)) {
        return Error{EEXIST, "cannot listen on " + path +
                                 ": something that is no socket is there; remove it or choose another path"};
    }
    const unique_fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return system_error("cannot make a socket");
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 || errno == EAGAIN) {
        return Error{EADDRINUSE,
                     "cannot listen on " + path + ": a running process listens there; stop it or choose another path"};
    }
    if (errno != ECONNREFUSED) {
        return system_error("cannot tell whether " + path + " is in use");
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return system_error("cannot remove " + path + ", which a dead process has left");
    }
    return {};
}

Result<void> set_access(const std::string& path, const ResolvedAccess& access) {
    if (access.group && ::lchown(path.c_str(), static_cast<uid_t>(-1), *access.group) != 0) {
        return system_error("cannot give " + path + " to group " + std::to_string(*access.group));
    }
    if (::chmod(path.c_str(), access.mode) != 0) return system_error("cannot set the mode of " + path);
    return {};
}

} // namespace

Result<ResolvedAccess> resolve_access(const SocketAccess& access) {
    ResolvedAccess resolved{access.mode, std::nullopt};
    if (access.group.empty()) return resolved;
    errno = 0;
    if (const group* entry = ::getgrnam(access.group.c_str()); entry != nullptr) {
        resolved.group = entry->gr_gid;
        return resolved;
    }
    gid_t number = 0;
    const char* end = access.group.data() + access.group.size();
    const auto [stop, problem] = std::from_chars(access.group.data(), end, number);
    if (problem != std::errc{} || stop != end) {
        return Error{ENOENT, "there is no group \"" + access.group + "\" on this machine"};
    }
    resolved.group = number;
    return resolved;
}

SocketPath::~SocketPath() {
    if (ours()) ::unlink(path_.c_str());
}

bool SocketPath::ours() const {
    struct stat info {};
    return ::lstat(path_.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) && info.st_dev == device_ &&
           info.st_ino == inode_;
}

Result<void> SocketPath::change_access(const ResolvedAccess& access) const {
    if (!ours()) return {};
    return set_access(path_, access);
}

Result<BoundPath> bind_path(const std::string& path, const ResolvedAccess& access, int backlog) {
    Result<sockaddr_un> name = unix_name(path);
    if (!name) return std::move(name).error();
    if (Result<void> cleared = take_over(path, *name); !cleared) return std::move(cleared).error();

    BoundPath bound;
    bound.socket = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!bound.socket) return system_error("cannot make a socket for " + path);
    // One thread: nobody else of this process makes a file meanwhile. Until the mode is set only root gets in.
    const mode_t mask = ::umask(0777);
    const int result = ::bind(bound.socket.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name);
    const int code = errno;
    ::umask(mask);
    if (result != 0) {
        std::string what = system_error("cannot listen on " + path, code).what;
        if (code == ENOENT) what += " (make its folder first)";
        return Error{code, std::move(what)};
    }
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return system_error("cannot look at " + path);
    bound.path = std::make_unique<SocketPath>(path, info.st_dev, info.st_ino);
    if (Result<void> set = set_access(path, access); !set) return std::move(set).error();
    if (::listen(bound.socket.get(), backlog) != 0) return system_error("cannot listen on " + path);
    return bound;
}

} // namespace evermilter::supervisor
