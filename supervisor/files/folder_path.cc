#include "supervisor/files/folder_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <vector>

namespace evermilter::supervisor {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40; // as the kernel has it

// The parts of a path, last first.
std::vector<std::string> parts_of(const fs::path& path) {
    std::vector<std::string> parts;
    for (const fs::path& part : path.relative_path()) {
        if (!part.empty() && part != ".") parts.push_back(part.string());
    }
    return {parts.rbegin(), parts.rend()};
}

unique_fd open_root(const fs::path& path) {
    return unique_fd(::open(path.is_absolute() ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

Result<std::string> target_of(int link, const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
    if (length < 0) return system_error("cannot read a symbolic link of " + path);
    return std::string(target.data(), static_cast<std::size_t>(length));
}

// Without slashes at its end.
fs::path trimmed(const std::string& path) {
    fs::path whole(path);
    while (!whole.has_filename() && whole.has_relative_path()) whole = whole.parent_path();
    return whole;
}

Error cannot_create(const std::string& path, const Error& error) {
    return Error{error.code, "cannot create " + path + ": " + error.what};
}

} // namespace

Result<unique_fd> open_folder(const std::string& path) {
    std::vector<std::string> parts = parts_of(path);
    unique_fd at = open_root(path);
    if (!at) return system_error("cannot open " + path);
    for (int links = 0; !parts.empty();) {
        const std::string part = std::move(parts.back());
        parts.pop_back();
        unique_fd next(::openat(at.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!next) return system_error("cannot open " + path);
        struct stat about {};
        if (::fstat(next.get(), &about) != 0) return system_error("cannot open " + path);
        if (S_ISDIR(about.st_mode)) {
            at = std::move(next);
            continue;
        }
        if (!S_ISLNK(about.st_mode)) return system_error("cannot open " + path, ENOTDIR);
        if (++links > kMostLinks) return system_error("cannot open " + path, ELOOP);
        // A process with no more rights than the link's owner may follow it safely.
        if (::geteuid() == 0 && about.st_uid != 0)
            return Error{ELOOP, "cannot use " + path + ": \"" + part + "\" is a symbolic link of user " +
                                    std::to_string(about.st_uid) + ", which root does not follow"};
        auto target = target_of(next.get(), path);
        if (!target) return std::move(target).error();
        if (fs::path(*target).is_absolute()) at = open_root(*target);
        if (!at) return system_error("cannot open " + path);
        for (std::string& one : parts_of(*target)) parts.push_back(std::move(one));
    }
    return at;
}

Result<Place> open_place(const std::string& path) {
    const fs::path whole = trimmed(path);
    const std::string above = whole.has_parent_path() ? whole.parent_path().string() : ".";
    auto folder = open_folder(above);
    if (!folder) return std::move(folder).error();
    return Place{std::move(*folder), whole.filename().string()};
}

Result<void> make_folder(const std::string& path, mode_t mode, const Identity& owner, Above above) {
    auto place = open_place(path);
    if (!place && place.error().code == ENOENT && above == Above::made) {
        const auto made = make_folder(trimmed(path).parent_path(), 0755, Identity{}, above);
        if (!made && made.error().code != EEXIST) return made;
        place = open_place(path);
    }
    if (!place) return cannot_create(path, place.error());
    const int in = place->folder.get();
    if (::mkdirat(in, place->name.c_str(), 0700) != 0) return system_error("cannot create " + path);
    const unique_fd made(::openat(in, place->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat about {};
    if (!made || ::fstat(made.get(), &about) != 0) return system_error("cannot open " + path);
    if (about.st_uid != ::geteuid())
        return Error{EEXIST, "cannot create " + path + ": somebody puts something else there"};
    if (auto given = give_folder(made.get(), mode, owner); !given)
        return Error{given.error().code, "cannot create " + path + ": " + given.error().what};
    return {};
}

Result<void> could_make_folder(const std::string& path, Above above) {
    auto place = open_place(path);
    if (!place && place.error().code == ENOENT && above == Above::made) {
        const std::string parent = trimmed(path).parent_path();
        const auto possible = could_make_folder(parent, above);
        // A link that leads nowhere, for example.
        if (!possible && possible.error().code == EEXIST) return cannot_create(path, place.error());
        return possible;
    }
    if (!place) return cannot_create(path, place.error());
    const int in = place->folder.get();
    struct stat about {};
    if (::fstatat(in, place->name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
        return system_error("cannot create " + path, EEXIST);
    if (errno != ENOENT) return system_error("cannot create " + path);
    if (const int error = could_make_in(in); error != 0) return system_error("cannot create " + path, error);
    return {};
}

int could_make_in(int folder) {
    const std::string path = proc_path(folder);
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0) return errno;
    struct statvfs room {};
    if (::statvfs(path.c_str(), &room) != 0) return errno;
    // File systems that count neither have 0 of 0.
    const bool blocks = room.f_blocks == 0 || (::geteuid() == 0 ? room.f_bfree : room.f_bavail) > 0;
    const bool inodes = room.f_files == 0 || room.f_ffree > 0;
    return blocks && inodes ? 0 : ENOSPC;
}

Result<void> give_folder(int folder, mode_t mode, const Identity& owner) {
    if (owner.switch_user && ::fchownat(folder, "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0)
        return system_error("cannot change its owner");
    if (::chmod(proc_path(folder).c_str(), mode) != 0) return system_error("cannot change its mode");
    return {};
}

std::string proc_path(int descriptor) {
    return "/proc/self/fd/" + std::to_string(descriptor);
}

} // namespace evermilter::supervisor
