#include "supervisor/files/folder_owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/files/folder_path.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/scan_folders.h"

namespace evermilter::supervisor {
namespace {

constexpr int kDeepest = 4; // state_directory/snapshots/17/daily.cld

// What loaders and supervisors make in the state directory.
constexpr std::array<std::string_view, 4> kOfState = {"snapshots", "generation", "engines", "decisions"};

bool made_by_us(FolderUse use, std::string_view name) {
    switch (use) {
        case FolderUse::temp:
            return generation_of_scan_folder(name).has_value();
        case FolderUse::state:
            return std::any_of(kOfState.begin(), kOfState.end(),
                               [&](std::string_view one) { return name.starts_with(one); });
        case FolderUse::spool:
            return false; // its files have no names
    }
    return false;
}

struct CloseDirectory {
    void operator()(DIR* list) const noexcept { ::closedir(list); }
};

Result<std::vector<std::string>> names_in(int folder) {
    unique_fd listed(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!listed) return system_error("openat");
    const std::unique_ptr<DIR, CloseDirectory> list(::fdopendir(listed.get()));
    if (list == nullptr) return system_error("fdopendir");
    (void)listed.release(); // the list's
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* const entry = ::readdir(list.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return system_error("readdir");
    return names;
}

bool give(int what, const Identity& owner) {
    return ::fchownat(what, "", owner.uid, owner.gid, AT_EMPTY_PATH) == 0;
}

// By descriptor: the owner of these names may exchange them meanwhile.
Result<void> give_contents(int folder, uid_t former, const Identity& owner, int depth) {
    const auto names = names_in(folder);
    if (!names) return names.error();
    for (const std::string& name : *names) {
        const unique_fd one(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        struct stat about {};
        if (!one && errno == ENOENT) continue;
        if (!one || ::fstat(one.get(), &about) != 0) return system_error(name);
        if (about.st_uid != former || S_ISLNK(about.st_mode)) continue;
        if (S_ISDIR(about.st_mode) && depth < kDeepest) {
            if (auto given = give_contents(one.get(), former, owner, depth + 1); !given)
                return Error{given.error().code, name + ": " + given.error().what};
        }
        if (!give(one.get(), owner)) return system_error(name);
    }
    return {};
}

} // namespace

Result<std::optional<mode_t>> give_to_new_user(const FolderOrder& folder, StartMode mode) {
    using Mode = std::optional<mode_t>;
    if (!folder.owner.switch_user) return Mode{};
    const auto opened = open_folder(folder.path);
    if (!opened) return opened.error();
    struct stat about {};
    if (::fstat(opened->get(), &about) != 0) return system_error("cannot look at " + folder.path);
    if (about.st_uid == folder.owner.uid) return Mode{};
    const auto names = names_in(opened->get());
    if (!names) return Error{names.error().code, "cannot read " + folder.path + ": " + names.error().what};
    const bool new_one = names->empty(); // as an administrator or a unit makes it
    if (about.st_uid == 0 && !new_one) return Mode{};
    if (!std::all_of(names->begin(), names->end(),
                     [&](const std::string& name) { return made_by_us(folder.use, name); }))
        return Mode{};
    const Mode mode_then = new_one ? folder.mode : about.st_mode & 07777U;
    if (mode == StartMode::trial) {
        struct statvfs system {};
        const bool fixed =
            ::statvfs(proc_path(opened->get()).c_str(), &system) == 0 && (system.f_flag & ST_RDONLY) != 0;
        return fixed ? Mode{} : mode_then;
    }
    Result<void> given;
    // The temp directory's contents belong to scanners, which may be running.
    if (folder.use != FolderUse::temp) given = give_contents(opened->get(), about.st_uid, folder.owner, 1);
    if (given && !give(opened->get(), folder.owner)) given = system_error("fchownat");
    if (given && new_one) given = give_folder(opened->get(), folder.mode, folder.owner);
    if (!given)
        return Error{given.error().code,
                     "cannot give " + folder.path + " to user " + folder.owner.user + ": " + given.error().what};
    log::info("folder-given", {{"key", folder.key},
                               {"path", folder.path},
                               {"from_uid", about.st_uid},
                               {"to", folder.owner.user},
                               {"reason", new_one ? "it is empty" : "its user is another one than before"}});
    return mode_then;
}

} // namespace evermilter::supervisor
