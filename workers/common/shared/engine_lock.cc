#include "workers/common/shared/engine_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace evermilter {
namespace {

// More than ever live: another process that may write to the file must not keep us searching.
constexpr std::size_t kMost = 64;

std::string file_of(const std::string& state_directory) {
    return state_directory + "/engines";
}

} // namespace

Result<unique_fd> lock_engine(const std::string& state_directory, std::uint64_t generation) {
    const std::string path = file_of(state_directory);
    unique_fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640));
    if (!file) return system_error("cannot open " + path);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(generation);
    lock.l_len = 1;
    if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0)
        return system_error("cannot lock generation " + std::to_string(generation) + " in " + path);
    return file;
}

Result<void> lock_engine_again(int held, const std::string& state_directory, std::uint64_t generation) {
    auto locked = lock_engine(state_directory, generation);
    if (!locked && (locked.error().code == EAGAIN || locked.error().code == EACCES)) return {};
    if (!locked) return std::move(locked).error();
    if (::dup3(locked->get(), held, O_CLOEXEC) < 0) return system_error("dup3");
    return {};
}

Result<std::vector<std::uint64_t>> locked_engines(const std::string& state_directory) {
    std::vector<std::uint64_t> found;
    const std::string path = file_of(state_directory);
    // The folder belongs to the scanners' user: never follow a link that it may have put there.
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) {
        if (errno == ENOENT) return found;
        return system_error("cannot open " + path);
    }
    // The kernel names any lock of a range, not the first: what lies on both sides of it is searched next.
    struct Range {
        off_t begin;
        off_t end; // 0: no end
    };
    std::vector<Range> ranges{{1, 0}};
    while (!ranges.empty() && found.size() < kMost) {
        const Range range = ranges.back();
        ranges.pop_back();
        struct flock lock {};
        lock.l_type = F_RDLCK;
        lock.l_whence = SEEK_SET;
        lock.l_start = range.begin;
        lock.l_len = range.end == 0 ? 0 : range.end - range.begin;
        if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0) return system_error("cannot read the locks of " + path);
        if (lock.l_type == F_UNLCK) continue;
        const off_t at = std::max(lock.l_start, range.begin);
        found.push_back(static_cast<std::uint64_t>(at));
        if (at > range.begin) ranges.push_back({range.begin, at});
        if (range.end == 0 || at + 1 < range.end) ranges.push_back({at + 1, range.end});
    }
    std::sort(found.begin(), found.end());
    return found;
}

} // namespace evermilter
