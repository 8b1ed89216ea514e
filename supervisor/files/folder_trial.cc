#include "supervisor/files/folder_trial.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace evermilter::supervisor {
namespace {

int write_to(int fd) {
    static constexpr std::array<char, kTrialBytes> bytes{};
    int error = 0;
    for (std::size_t done = 0; done < bytes.size() && error == 0;) {
        const ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (put > 0)
            done += static_cast<std::size_t>(put);
        else if (errno != EINTR)
            error = put == 0 ? ENOSPC : errno;
    }
    // Some file systems report a full disk only at close(2).
    if (::close(fd) != 0 && error == 0) error = errno;
    return error;
}

int write_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    const int error = write_to(fd);
    ::unlink(path.c_str());
    return error;
}

int work_there(std::string path) {
    path += "/.evermilter-check-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return errno;
    int error = write_file(path + "/file");
    if (::rmdir(path.c_str()) != 0 && error == 0) error = errno;
    return error;
}

// The first folder on the way up from `path` that is there.
int reach(std::filesystem::path path) {
    while (::access(path.c_str(), X_OK) != 0) {
        if (errno != ENOENT || !path.has_relative_path()) return errno;
        path = path.parent_path();
    }
    return 0;
}

int work_unseen(const std::string& path) {
    const int fd = ::open(path.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) return write_to(fd);
    if (errno == ENOENT) return reach(path);
    if (errno != EOPNOTSUPP && errno != EISDIR) return errno;
    return ::access(path.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

int work(const std::string& path, TrialKind kind) {
    switch (kind) {
        case TrialKind::full:
            return work_there(path);
        case TrialKind::unseen:
            return work_unseen(path);
        case TrialKind::way:
            return reach(std::filesystem::path(path).parent_path());
    }
    return EINVAL;
}

std::string lack_of_room(const std::string& path) {
    struct statvfs room {};
    const bool inodes = ::statvfs(path.c_str(), &room) == 0 && room.f_files > 0 && room.f_favail == 0;
    return path + (inodes ? " has no inode left" : " is full");
}

} // namespace

pid_t start_trial(const std::string& path, const Identity& user, TrialKind kind) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(become(user) ? work(path, kind) : EPERM);
    return pid;
}

int trial_error(int wait_status) noexcept {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : ETIMEDOUT; // it was killed, for it did not end
}

int try_folder(const std::string& path, const Identity& user, TrialKind kind) {
    const pid_t pid = start_trial(path, user, kind);
    if (pid < 0) return errno;
    int wait_status = 0;
    while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    return trial_error(wait_status);
}

std::string trial_text(const std::string& path, const Identity& user, int error) {
    const std::string why = std::string(" (") + std::strerror(error) + "): ";
    switch (error) {
        case ENOSPC:
            return lack_of_room(path) + why + "make room there";
        case EDQUOT:
            return "user " + user.user + " has used up its quota in " + path + why + "make room there, or raise it";
        case EROFS:
            return path + " is read-only" + why + "mount it for writing";
        case EACCES:
        case EPERM:
            return path + " cannot be used by user " + user.user + why + "make it writable for that user";
        default:
            return path + " cannot be used by user " + user.user + why + "mend it";
    }
}

} // namespace evermilter::supervisor
