#include "supervisor/files/folders.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <utility>

#include "supervisor/files/folder_path.h"
#include "supervisor/files/folder_trial.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// A child's report counts for this long even if a trial succeeds: the child may have needed more room than the trial.
constexpr std::int64_t kWord = std::chrono::nanoseconds(5s).count();
// A trial on a disk that does not answer is ended.
constexpr std::int64_t kTrial = std::chrono::nanoseconds(graces::kFolderTrial).count();

bool same_folder(const struct stat& one, const struct stat& other) {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool same_access(const struct stat& one, const struct stat& other) {
    return one.st_uid == other.st_uid && one.st_gid == other.st_gid && one.st_mode == other.st_mode;
}

bool in_doubt(const std::string& path) {
    struct statvfs room {};
    if (::statvfs(path.c_str(), &room) != 0) return true;
    const bool full = room.f_blocks > 0 && room.f_bavail * room.f_frsize < 2 * kTrialBytes;
    const bool no_inodes = room.f_files > 0 && room.f_favail < 4;
    return full || no_inodes || (room.f_flag & ST_RDONLY) != 0;
}

bool holds_nothing(const std::string& path) {
    std::error_code failed;
    return std::filesystem::is_empty(path, failed) && !failed;
}

} // namespace

Folders::Folders(State& state, const Settings& settings, Handlers handlers)
    : state_(state), settings_(settings), handlers_(std::move(handlers)) {}

Folders::~Folders() = default;

void Folders::begin(FolderLocks locks) {
    auto orders = folders_of(settings_);
    for (std::size_t i = 0; i < all_.size(); ++i) {
        Known& folder = all_.at(i);
        folder.order = std::move(orders.at(i));
        folder.lock = std::move(locks.at(i));
        if (::stat(folder.order.path.c_str(), &folder.as) != 0) folder.as = {};
        folder.was_well = true;
    }
    look();
}

void Folders::stop() {
    for (const Known& folder : all_)
        if (folder.trying > 0) ::kill(folder.trying, SIGKILL);
}

void Folders::look() {
    auto orders = folders_of(settings_);
    for (std::size_t i = 0; i < all_.size(); ++i) {
        Known& folder = all_.at(i);
        // A change of the configuration.
        if (folder.order.path != orders.at(i).path) {
            folder.as = {};
            folder.order = std::move(orders.at(i));
        }
        look_at(folder);
    }
}

void Folders::failed(FolderUse use, const std::string& how) {
    Known& folder = all_.at(static_cast<std::size_t>(use));
    folder.how = how;
    folder.failed_ns = monotonic_ns();
    look_at(folder);
}

void Folders::look_at(Known& folder) {
    const std::string& path = folder.order.path;
    struct stat now {};
    struct stat itself {};
    const bool there = ::lstat(path.c_str(), &itself) == 0;
    if (!there && errno != ENOENT) return trouble(folder, system_error("cannot look at " + path).what);
    if (!there) return make(folder);
    const bool is_folder = ::stat(path.c_str(), &now) == 0 && S_ISDIR(now.st_mode);
    if (is_folder && same_folder(now, folder.as)) {
        if (folder.trouble_ns != 0 || folder.failed_ns != 0 || !same_access(now, folder.as) || in_doubt(path))
            try_it(folder);
        return;
    }
    if (S_ISLNK(itself.st_mode))
        return trouble(folder, path + " has become a symbolic link, which is not followed: remove it");
    if (!is_folder) return trouble(folder, path + " has become something that is not a folder: remove it");
    if (take(folder, now)) try_it(folder);
}

// Another folder is at the path than before: somebody made it, or it is a mount.
bool Folders::take(Known& folder, const struct stat& now) {
    if (folder.order.locked) {
        auto locked = lock_folder(folder.order);
        if (!locked) {
            trouble(folder, locked.error().what);
            return false;
        }
        folder.lock = std::move(*locked);
    }
    log::warning("folder-changed", {{"key", folder.order.key}, {"path", folder.order.path}});
    folder.as = now;
    folder.was_well = false;
    const Identity& owner = folder.order.owner;
    if (owner.switch_user) folder.as.st_uid = owner.uid;
    if (owner.switch_user) folder.as.st_gid = owner.gid;
    folder.as.st_mode = S_IFDIR | folder.order.mode;
    if (folder.order.use == FolderUse::state) handlers_.state_made();
    return true;
}

void Folders::make(Known& folder) {
    const FolderOrder& order = folder.order;
    if (auto made = make_folder(order.path, order.mode, order.owner, Above::made); !made)
        return trouble(folder, order.path + " is gone: " + made.error().what);
    log::warning("folder-made", {{"key", order.key}, {"path", order.path}, {"reason", "it was gone"}});
    struct stat now {};
    if (::lstat(order.path.c_str(), &now) == 0 && take(folder, now)) try_it(folder);
}

// Gives a folder back to its user: the folder that it had, or a new empty one of root's. Folders of other users are
// left alone. Returns false where nothing needed or was allowed to be done.
bool Folders::mend(Known& folder) {
    const FolderOrder& order = folder.order;
    auto place = open_place(order.path);
    if (!place) return false;
    const unique_fd opened(
        ::openat(place->folder.get(), place->name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat now {};
    if (!opened || ::fstat(opened.get(), &now) != 0 || !same_folder(now, folder.as)) return false;
    if (same_access(now, folder.as)) return false;
    const bool ours = now.st_uid == ::geteuid() || now.st_uid == folder.as.st_uid;
    const bool unused = holds_nothing(proc_path(opened.get())) || folder.was_well;
    if (!ours || !unused) return false;
    Identity owner = order.owner;
    owner.uid = folder.as.st_uid;
    owner.gid = folder.as.st_gid;
    if (auto given = give_folder(opened.get(), folder.as.st_mode & 07777U, owner); !given) return false;
    log::warning("folder-mended", {{"key", order.key}, {"path", order.path}, {"reason", "owner or mode was changed"}});
    return true;
}

void Folders::try_it(Known& folder) {
    const std::int64_t now = monotonic_ns();
    if (folder.trying > 0) {
        if (now - folder.tried_ns > kTrial) {
            ::kill(folder.trying, SIGKILL); // ours and not reaped
            trouble(folder, folder.order.path + " does not answer: look at its disk");
        }
        return;
    }
    folder.trying = start_trial(folder.order.path, folder.order.owner);
    folder.tried_ns = now;
    if (folder.trying < 0) log::error("folder-not-tried", {{"error", system_error("fork").what}});
}

bool Folders::on_reaped(pid_t pid, int wait_status) {
    const auto found = std::find_if(all_.begin(), all_.end(), [pid](const Known& one) { return one.trying == pid; });
    if (found == all_.end()) return false;
    found->trying = 0;
    tried(*found, trial_error(wait_status));
    return true;
}

void Folders::tried(Known& folder, int error) {
    const std::string& path = folder.order.path;
    struct stat now {};
    // The tried folder may be gone by now; the next check reports what is there.
    if (::stat(path.c_str(), &now) != 0 || !same_folder(now, folder.as)) return;
    if (error == 0) {
        folder.as = now;
        folder.was_well = true;
        if (folder.failed_ns != 0 && monotonic_ns() - folder.failed_ns < kWord) return trouble(folder, folder.how);
        return well(folder);
    }
    if ((error == EACCES || error == EPERM) && mend(folder)) return try_it(folder);
    trouble(folder, trial_text(path, folder.order.owner, error));
}

void Folders::trouble(Known& folder, const std::string& reason) {
    std::string& told = state_.troubles[folder.order.key];
    const std::string text = std::string(folder.order.key) + ": " + reason;
    if (folder.trouble_ns == 0) folder.trouble_ns = monotonic_ns();
    if (told == text) return;
    told = text;
    log::error("folder-failed", {{"key", folder.order.key}, {"path", folder.order.path}, {"reason", reason}});
    handlers_.changed();
}

void Folders::well(Known& folder) {
    folder.failed_ns = 0;
    if (folder.trouble_ns == 0) return;
    const std::int64_t lasted = monotonic_ns() - std::exchange(folder.trouble_ns, 0);
    state_.troubles.erase(folder.order.key);
    log::info("folder-well",
              {{"key", folder.order.key}, {"path", folder.order.path}, {"milliseconds", lasted / 1'000'000}});
    handlers_.changed();
}

} // namespace evermilter::supervisor
