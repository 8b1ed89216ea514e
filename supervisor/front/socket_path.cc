// Binding unix sockets by path. On any error nothing of ours is left at the path.
#include "supervisor/front/socket_path.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <random>

#include "supervisor/files/folder_path.h"
#include "workers/common/base/hex.h"

namespace evermilter::supervisor {

namespace {

// Of the private name's part that is the socket's; the whole must fit into sun_path behind /proc/self/fd/N/.
constexpr std::size_t kNamePart = 50;

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

// What lies at the path of a socket, opened with O_PATH; empty: nothing. An Error: it is not a socket.
Result<unique_fd> find_socket(const std::string& path, const Place& place) {
    unique_fd found(::openat(place.folder.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!found && errno == ENOENT) return unique_fd{};
    if (!found || ::fstat(found.get(), &info) != 0) return system_error("cannot listen on " + path);
    if (!S_ISSOCK(info.st_mode)) {
        return Error{EEXIST, "cannot listen on " + path +
                                 ": something that is not a socket is there; remove it or choose another path"};
    }
    return found;
}

Error in_use(const std::string& path) {
    return Error{EADDRINUSE,
                 "cannot listen on " + path + ": a running process listens there; stop it or choose another path"};
}

// Clears the name of a socket that a dead process has left. Nothing there is fine too.
Result<void> take_over(const std::string& path, const Place& place) {
    auto socket = find_socket(path, place);
    if (!socket) return std::move(socket).error();
    const unique_fd found = std::move(*socket);
    if (!found) return {};
    const unique_fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return system_error("cannot make a socket");
    auto name = unix_name(proc_path(found.get()));
    if (!name) return std::move(name).error();
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) == 0 || errno == EAGAIN)
        return in_use(path);
    if (errno != ECONNREFUSED) {
        return system_error("cannot tell whether " + path + " is in use");
    }
    if (::unlinkat(place.folder.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
        return system_error("cannot remove " + path + ", which a dead process has left");
    }
    return {};
}

// Whether a living process has the socket at `path` open. The process does not notice: a stream socket refuses a
// connection of this type.
bool is_open(const std::string& path) {
    const unique_fd probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto name = unix_name(path);
    if (!probe || !name) return true; // nothing speaks against it
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) == 0 ||
           errno != ECONNREFUSED;
}

// The rule of a sticky folder: only the owner of what is in it, or of it, removes that.
bool may_remove(int what, int folder) {
    struct stat file {};
    struct stat about {};
    if (::fstat(what, &file) != 0 || ::fstat(folder, &about) != 0) return false;
    const uid_t own = ::geteuid();
    return own == 0 || (about.st_mode & S_ISVTX) == 0 || file.st_uid == own || about.st_uid == own;
}

Result<void> set_access(int socket, const std::string& path, const ResolvedAccess& access) {
    if (access.group && ::fchownat(socket, "", static_cast<uid_t>(-1), *access.group, AT_EMPTY_PATH) != 0) {
        return system_error("cannot give " + path + " to group " + std::to_string(*access.group));
    }
    // fchmod(2) takes no O_PATH; the name leads to what is open and nowhere else.
    if (::chmod(proc_path(socket).c_str(), access.mode) != 0) return system_error("cannot set the mode of " + path);
    return {};
}

std::string private_name(const std::string& name) {
    static std::minstd_rand random{std::random_device{}()};
    std::string hidden = "." + name.substr(0, kNamePart) + ".";
    for (int i = 0; i < 8; ++i) hidden += kHexDigits[random() >> 8U & 0xfU];
    return hidden;
}

// A name that the destructor unlinks.
struct Passing {
    const Place& place;
    std::string name;
    ~Passing() { ::unlinkat(place.folder.get(), name.c_str(), 0); }
};

} // namespace

Result<ResolvedAccess> resolve_access(const SocketAccess& access) {
    ResolvedAccess resolved{access.mode, std::nullopt};
    if (access.group.empty()) return resolved;
    // Try a number first: it needs no lookup, which may take long.
    gid_t number = 0;
    const char* end = access.group.data() + access.group.size();
    if (const auto [stop, problem] = std::from_chars(access.group.data(), end, number);
        problem == std::errc{} && stop == end) {
        resolved.group = number;
        return resolved;
    }
    if (const group* entry = ::getgrnam(access.group.c_str()); entry != nullptr) {
        resolved.group = entry->gr_gid;
        return resolved;
    }
    return Error{ENOENT, "there is no group \"" + access.group + "\" on this machine"};
}

SocketPath::SocketPath(std::string path, unique_fd folder, std::string name, const struct stat& socket)
    : path_(std::move(path)),
      folder_(std::move(folder)),
      name_(std::move(name)),
      device_(socket.st_dev),
      inode_(socket.st_ino) {}

SocketPath::SocketPath(std::string path) : path_(std::move(path)) {
    struct stat found {};
    if (::lstat(path_.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
    if (found.st_uid == ::geteuid()) managers_access_ = ResolvedAccess{found.st_mode & 07777U, found.st_gid};
    device_ = found.st_dev;
    inode_ = found.st_ino;
}

SocketPath::~SocketPath() {
    struct stat found {};
    if (!folder_ || ::fstatat(folder_.get(), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (is_socket(found)) ::unlinkat(folder_.get(), name_.c_str(), 0);
}

bool SocketPath::is_socket(const struct stat& found) const {
    return inode_ != 0 && S_ISSOCK(found.st_mode) && found.st_dev == device_ && found.st_ino == inode_;
}

bool SocketPath::reachable() const {
    struct stat found {};
    if (::lstat(path_.c_str(), &found) != 0 || !is_socket(found)) return false;
    // We did not see the manager make its socket: what is there may have been left by a supervisor that was killed.
    return folder_ || is_open(path_);
}

Result<void> SocketPath::change_access(const ResolvedAccess& access) const {
    if (!folder_) return {};
    const unique_fd opened(::openat(folder_.get(), name_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat found {};
    if (!opened || ::fstat(opened.get(), &found) != 0 || !is_socket(found)) return {};
    return set_access(opened.get(), path_, access);
}

// A process without rights may give a file to its own groups only.
bool may_give_to(gid_t group) {
    if (::geteuid() == 0 || ::getegid() == group) return true;
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> own(static_cast<std::size_t>(std::max(count, 0)));
    const int got = ::getgroups(count, own.data());
    return std::find(own.begin(), own.begin() + std::max(got, 0), group) != own.begin() + std::max(got, 0);
}

Result<void> could_bind_path(const std::string& path, const ResolvedAccess& access) {
    if (auto name = unix_name(path); !name) return std::move(name).error();
    auto place = open_place(path);
    if (!place && place.error().code == ENOENT) return {};
    if (!place) return Error{place.error().code, "cannot listen on " + path + ": " + place.error().what};
    auto socket = find_socket(path, *place);
    if (!socket) return std::move(socket).error();
    const unique_fd found = std::move(*socket);
    const int folder = place->folder.get();
    if (found && is_open(proc_path(found.get()))) return in_use(path);
    if (found && !may_remove(found.get(), folder))
        return system_error("cannot remove " + path + ", which a dead process has left", EPERM);
    if (const int error = could_make_in(folder); error != 0) return system_error("cannot listen on " + path, error);
    if (access.group && !may_give_to(*access.group))
        return system_error("cannot give " + path + " to group " + std::to_string(*access.group), EPERM);
    return {};
}

Result<BoundPath> bind_path(const std::string& path, const ResolvedAccess& access, int backlog) {
    // Clients will use this name, though we do not bind it.
    if (auto name = unix_name(path); !name) return std::move(name).error();
    auto place = open_place(path);
    if (!place) {
        std::string what = "cannot listen on " + path + ": " + place.error().what;
        if (place.error().code == ENOENT) what += " (make its folder first)";
        return Error{place.error().code, std::move(what)};
    }
    if (Result<void> cleared = take_over(path, *place); !cleared) return std::move(cleared).error();

    BoundPath bound;
    bound.socket = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!bound.socket) return system_error("cannot make a socket for " + path);
    const Passing hidden{*place, private_name(place->name)};
    auto name = unix_name(proc_path(place->folder.get()) + "/" + hidden.name);
    if (!name) return std::move(name).error();
    // One thread: nobody else of this process makes a file meanwhile. Until the mode is set only root gets in.
    const mode_t mask = ::umask(0777);
    const int result = ::bind(bound.socket.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name);
    const int code = errno;
    ::umask(mask);
    if (result != 0) return system_error("cannot listen on " + path, code);

    const unique_fd made(::openat(place->folder.get(), hidden.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!made || ::fstat(made.get(), &info) != 0) return system_error("cannot look at " + path);
    // The folder's owner can rename our socket, but cannot make one that root owns.
    if (!S_ISSOCK(info.st_mode) || info.st_uid != ::geteuid() || info.st_nlink != 1)
        return Error{EEXIST, "cannot listen on " + path + ": somebody puts something else there"};
    if (Result<void> set = set_access(made.get(), path, access); !set) return std::move(set).error();
    if (::listen(bound.socket.get(), backlog) != 0) return system_error("cannot listen on " + path);
    unique_fd folder(::fcntl(place->folder.get(), F_DUPFD_CLOEXEC, 0));
    if (!folder) return system_error("cannot listen on " + path);
    if (::linkat(place->folder.get(), hidden.name.c_str(), place->folder.get(), place->name.c_str(), 0) != 0)
        return system_error("cannot listen on " + path);
    // The folder's owner may have exchanged it meanwhile; then clients do not reach a socket of ours.
    bound.path = std::make_unique<SocketPath>(path, std::move(folder), place->name, info);
    return bound;
}

} // namespace evermilter::supervisor
