#include "supervisor/preflight.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "config/address.h"
#include "supervisor/config_reader.h"
#include "supervisor/files/folder_owner.h"
#include "supervisor/files/folder_path.h"
#include "supervisor/files/folder_trial.h"
#include "supervisor/files/passing_errors.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/engine_lock.h"
#include "workers/common/shared/scan_folders.h"

namespace evermilter::supervisor {
namespace {

namespace fs = std::filesystem;

// libclamav's own default for max_scan_size (CLI_DEFAULT_MAXSCANSIZE of 1.4: 400 MiB).
constexpr config::Size kDefaultMaxScanSize = 400ULL << 20;

int exit_code_of(int error) {
    if (may_pass(error)) return EX_TEMPFAIL;
    return error == EACCES || error == EPERM ? EX_NOPERM : EX_CANTCREAT;
}

// One that is there is left as it is. False: there is none, and the report says why.
bool need_folder(const std::string& path, mode_t mode, const Identity& owner, Above above, const std::string& key,
                 const std::string& use, StartReport& report) {
    std::error_code failed;
    if (fs::is_directory(path, failed)) return true;
    const auto made = report.trial() ? could_make_folder(path, above) : make_folder(path, mode, owner, above);
    if (!made) report.fault(exit_code_of(made.error().code), key + ": " + made.error().what + use);
    return made.ok();
}

void need_socket_folder(const std::string& address, const std::string& key, StartReport& report) {
    const auto parsed = config::parse_address(address);
    if (!parsed) return; // validation has seen it; binding names what is left
    const auto* path = std::get_if<config::UnixAddress>(&*parsed);
    if (path == nullptr) return;
    static_cast<void>(need_folder(fs::path(path->path).parent_path(), kSocketFolderMode, Identity{}, Above::must_exist,
                                  key, ", the folder of " + path->path, report));
}

// The lock of a start; a trial takes one that others of its kind may have at the same time, for as long as it looks.
void lock(const FolderOrder& folder, unique_fd& held, StartReport& report, const RunningService* running) {
    auto locked = lock_folder(folder, report.trial() ? LOCK_SH : LOCK_EX);
    if (locked && !report.trial()) held = std::move(*locked);
    if (locked) return;
    const Error& error = locked.error();
    if (report.trial() && error.code == ENOENT) return; // a start would make it
    if (error.code == EWOULDBLOCK && running != nullptr && running->uses_folder(folder.path))
        return report.note(std::string(folder.key) + ": " + running->text() + " uses " + folder.path);
    // By a predecessor, as a rule, that is about to end.
    report.fault(error.code == EWOULDBLOCK ? EX_UNAVAILABLE : exit_code_of(error.code),
                 std::string(folder.key) + ": " + error.what);
}

// The errno of what its user lacks once it has the folder; 0: nothing.
int error_of_trial(const FolderOrder& folder, StartReport& report) {
    const auto given = give_to_new_user(folder, report.mode());
    // What it could not give shows when it is tried.
    if (!given && report.trial() && given.error().code == ENOENT) // a start would make it
        return try_folder(folder.path, folder.owner, TrialKind::unseen);
    if (!given) report.warning("folder-not-given", std::string(folder.key) + ": " + given.error().what);
    if (!report.trial()) return try_folder(folder.path, folder.owner);
    if (!given || !*given) return try_folder(folder.path, folder.owner, TrialKind::unseen);
    report.note(std::string(folder.key) + ": the start gives " + folder.path + " to user " + folder.owner.user);
    if ((**given & S_IRWXU) != S_IRWXU) return EACCES;
    return try_folder(folder.path, folder.owner, TrialKind::way);
}

void check_usable(const FolderOrder& folder, StartReport& report) {
    const int error = error_of_trial(folder, report);
    if (error == 0) return;
    std::string text = std::string(folder.key) + ": " + trial_text(folder.path, folder.owner, error);
    // Folders waits for what may go away, while the service is up.
    if (may_pass(error)) return report.note(std::move(text));
    text += std::string(", or set ") + folder.key;
    const int exit_code = exit_code_of(error);
    // A state directory that is full, read-only or broken can still be read: its snapshots can serve, and
    // everything else in it is only a record.
    if (folder.use == FolderUse::state && exit_code == EX_CANTCREAT)
        return report.warning("state-directory", std::move(text));
    report.fault(exit_code, std::move(text));
}

void warn_about_temp(const Settings& settings, StartReport& report) {
    const config::Scanner& scanner = settings.config.scanner;
    const std::string& path = scanner.temp_directory;
    struct statfs about {};
    if (::statfs(path.c_str(), &about) != 0) return;
    if (about.f_type != TMPFS_MAGIC && about.f_type != RAMFS_MAGIC)
        report.warning("temp-directory", "scanner.temp_directory: " + path +
                                             " is not on a tmpfs: scans are slower, and leave writes on a disk");
    const config::Size one = scanner.max_scan_size.value_or(kDefaultMaxScanSize);
    const config::Size wanted = scanner.temp_size.value_or((one + one / 4) * settings.scanners);
    const config::Size room = static_cast<config::Size>(about.f_bavail) * static_cast<config::Size>(about.f_bsize);
    if (room < wanted)
        report.warning("temp-directory", "scanner.temp_directory: " + path + " has room for " + std::to_string(room) +
                                             " bytes, less than scanner.temp_size, " + std::to_string(wanted));
}

} // namespace

std::array<FolderOrder, kFolderUses> folders_of(const Settings& settings) {
    const config::Config& config = settings.config;
    const Identities& users = settings.identities;
    return {FolderOrder{FolderUse::temp, "scanner.temp_directory", config.scanner.temp_directory, 0700, users.scanner,
                        true},
            FolderOrder{FolderUse::state, "database.state_directory", config.database.state_directory, 0750,
                        users.scanner, true},
            FolderOrder{FolderUse::spool, "message.spool_directory", config.message.spool_directory, 0700,
                        users.session, false}};
}

Result<unique_fd> lock_folder(const FolderOrder& folder, int operation) {
    unique_fd opened(::open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) return system_error("cannot open " + folder.path);
    if (::flock(opened.get(), operation | LOCK_NB) == 0) return opened;
    if (errno != EWOULDBLOCK) return system_error("flock of " + folder.path);
    return Error{EWOULDBLOCK,
                 folder.path + " is in use by another evermilterd: stop it, or set " + std::string(folder.key)};
}

FolderLocks prepare_folders(const Settings& settings, StartReport& report, const RunningService* running) {
    const config::Config& config = settings.config;
    FolderLocks locks;
    for (const SocketGroup& sockets : sockets_of(config)) {
        for (const std::string& address : sockets.addresses) {
            need_socket_folder(address, sockets.key("listen"), report);
            if (report.ended()) return locks;
        }
    }
    need_socket_folder(config.status.socket, "status.socket", report);
    for (const FolderOrder& folder : folders_of(settings)) {
        if (report.ended()) return locks;
        if (!need_folder(folder.path, folder.mode, folder.owner, Above::made, folder.key, "", report)) continue;
        if (folder.locked) lock(folder, locks.at(static_cast<std::size_t>(folder.use)), report, running);
        // A user that is unknown has been reported.
        if (!report.ended() && !folder.owner.user.empty()) check_usable(folder, report);
    }
    if (report.ended()) return locks;
    if (!report.trial()) wipe_dead_scanner_folders(settings);
    warn_about_temp(settings, report);
    return locks;
}

void wipe_dead_scanner_folders(const Settings& settings) {
    const auto living = locked_engines(settings.config.database.state_directory);
    if (!living) {
        log::error("engines-unknown", {{"error", living.error().what}});
        return;
    }
    const std::string& folder = settings.config.scanner.temp_directory;
    if (const std::string left = wipe_scanner_folders(folder, 0, *living); !left.empty())
        log::warning("temp-directory", {{"path", folder}, {"error", left}});
}

std::string wipe_scanner_folders(const std::string& temp_directory, std::uint64_t generation,
                                 const std::vector<std::uint64_t>& spared) {
    std::string all;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(temp_directory, failed)) {
        const auto of = generation_of_scan_folder(entry.path().filename().string());
        if (!of || (generation != 0 && *of != generation)) continue;
        if (std::find(spared.begin(), spared.end(), *of) != spared.end()) continue;
        std::error_code left;
        fs::remove_all(entry.path(), left);
        if (left) all += (all.empty() ? "" : "; ") + entry.path().string() + ": " + left.message();
    }
    return all;
}

} // namespace evermilter::supervisor
