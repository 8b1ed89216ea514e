#include "supervisor/preflight.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
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

// One that is there is left as it is.
Result<void, StartFault> need_folder(const std::string& path, mode_t mode, const Identity& owner, Above above,
                                     const char* key) {
    std::error_code failed;
    if (fs::is_directory(path, failed)) return {};
    const auto made = make_folder(path, mode, owner, above);
    if (made) return {};
    return StartFault{exit_code_of(made.error().code), std::string(key) + ": " + made.error().what};
}

Result<void, StartFault> check_usable(const FolderOrder& folder) {
    const int error = try_folder(folder.path, folder.owner);
    // Folders waits for what may go away, while the service is up.
    if (error == 0 || may_pass(error)) return {};
    return StartFault{exit_code_of(error), std::string(folder.key) + ": " +
                                               trial_text(folder.path, folder.owner, error) + ", or set " + folder.key};
}

void warn_about_temp(const Settings& settings) {
    const config::Scanner& scanner = settings.config.scanner;
    struct statfs about {};
    if (::statfs(scanner.temp_directory.c_str(), &about) != 0) return;
    if (about.f_type != TMPFS_MAGIC && about.f_type != RAMFS_MAGIC) {
        log::warning("temp-directory",
                     {{"path", scanner.temp_directory},
                      {"warning", "is not on a tmpfs: scans are slower, and leave writes on a disk"}});
    }
    const config::Size one = scanner.max_scan_size.value_or(kDefaultMaxScanSize);
    const config::Size wanted = scanner.temp_size.value_or((one + one / 4) * settings.scanners);
    const config::Size room = static_cast<config::Size>(about.f_bavail) * static_cast<config::Size>(about.f_bsize);
    if (room < wanted) {
        log::warning("temp-directory", {{"path", scanner.temp_directory},
                                        {"free_bytes", room},
                                        {"wanted_bytes", wanted},
                                        {"warning", "has less room than scanner.temp_size"}});
    }
}

Result<void, StartFault> make_socket_folder(const std::string& address, const std::string& key) {
    const auto parsed = config::parse_address(address);
    if (!parsed) return {}; // validation has seen it; binding names what is left
    const auto* path = std::get_if<config::UnixAddress>(&*parsed);
    if (path == nullptr) return {};
    const std::string folder = fs::path(path->path).parent_path();
    auto needed = need_folder(folder, kSocketFolderMode, Identity{}, Above::must_exist, key.c_str());
    if (!needed) needed.error().text += ", the folder of " + path->path;
    return needed;
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

Result<unique_fd> lock_folder(const FolderOrder& folder) {
    unique_fd opened(::open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) return system_error("cannot open " + folder.path);
    if (::flock(opened.get(), LOCK_EX | LOCK_NB) == 0) return opened;
    if (errno != EWOULDBLOCK) return system_error("flock of " + folder.path);
    return Error{EWOULDBLOCK,
                 folder.path + " is in use by another evermilterd: stop it, or set " + std::string(folder.key)};
}

Result<FolderLocks, StartFault> prepare_folders(const Settings& settings) {
    const config::Config& config = settings.config;
    for (const SocketGroup& sockets : sockets_of(config)) {
        for (const std::string& address : sockets.addresses)
            if (auto made = make_socket_folder(address, sockets.key("listen")); !made) return std::move(made).error();
    }
    if (auto made = make_socket_folder(config.status.socket, "status.socket"); !made) return std::move(made).error();

    FolderLocks locks;
    for (const FolderOrder& folder : folders_of(settings)) {
        if (auto needed = need_folder(folder.path, folder.mode, folder.owner, Above::made, folder.key); !needed)
            return std::move(needed).error();
        if (folder.locked) {
            auto locked = lock_folder(folder);
            if (!locked) // by a predecessor, as a rule, that is about to end
                return StartFault{
                    locked.error().code == EWOULDBLOCK ? EX_UNAVAILABLE : exit_code_of(locked.error().code),
                    std::string(folder.key) + ": " + locked.error().what};
            locks.at(static_cast<std::size_t>(folder.use)) = std::move(*locked);
        }
        // What it could not give shows when it is tried.
        if (auto given = give_to_new_user(folder); !given)
            log::warning("folder-not-given", {{"key", folder.key}, {"error", given.error().what}});
        if (auto usable = check_usable(folder); !usable) {
            StartFault& fault = usable.error();
            // A state directory that is full, read-only or broken can still be read: its snapshots can serve, and
            // everything else in it is only a record.
            if (folder.use != FolderUse::state || fault.exit_code != EX_CANTCREAT) return std::move(fault);
            log::warning("state-directory", {{"error", fault.text}});
        }
    }

    wipe_dead_scanner_folders(settings);
    warn_about_temp(settings);
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
