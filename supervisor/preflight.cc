#include "supervisor/preflight.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "config/address.h"
#include "workers/common/engine_lock.h"
#include "workers/common/log.h"

namespace evermilter::supervisor {
namespace {

namespace fs = std::filesystem;

// libclamav's own default for max_scan_size (CLI_DEFAULT_MAXSCANSIZE of 1.4: 400 MiB).
constexpr config::Size kDefaultMaxScanSize = 400ULL << 20;

int exit_code_of(int error) {
    return error == EACCES || error == EPERM ? EX_NOPERM : EX_CANTCREAT;
}

// Whether folders above the one to be made are made too, with 0755.
enum class Above { must_exist, made };

// Makes `path` with `mode` for `owner`. One that is there is left as it is.
std::optional<Fault> make_folder(const std::string& path, mode_t mode, const Identity& owner, Above above,
                                 const char* key) {
    std::error_code failed;
    if (fs::is_directory(path, failed)) return std::nullopt;
    failed.clear();
    if (above == Above::made) fs::create_directories(fs::path(path).parent_path(), failed);
    const auto fault = [&](int error) {
        return Fault{exit_code_of(error), std::string(key) + ": " + system_error("cannot create " + path, error).what};
    };
    if (failed) return fault(failed.value());
    if (::mkdir(path.c_str(), mode) != 0) return fault(errno);
    if (owner.switch_user && ::lchown(path.c_str(), owner.uid, owner.gid) != 0) return fault(errno);
    if (::chmod(path.c_str(), mode) != 0) return fault(errno);
    return std::nullopt;
}

// In a forked child that has become `user`: a folder and a file are made, written and removed. 0 or errno.
int try_folder(std::string path) {
    path += "/.evermilter-check-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return errno;
    const std::string file = path + "/file";
    int error = 0;
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ::write(fd, "x", 1) != 1) error = errno;
    if (fd >= 0) ::close(fd);
    ::unlink(file.c_str());
    if (::rmdir(path.c_str()) != 0 && error == 0) error = errno;
    return error;
}

std::optional<Fault> check_usable(const std::string& path, const Identity& user, const char* key) {
    const pid_t pid = ::fork();
    if (pid < 0) return Fault{EX_OSERR, system_error("fork").what};
    if (pid == 0) ::_exit(become(user) ? try_folder(path) : EPERM);
    int wait_status = 0;
    while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    const int error = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : EIO;
    if (error == 0) return std::nullopt;
    return Fault{exit_code_of(error), std::string(key) + ": " + path + " cannot be used by user " + user.user + ": " +
                                          std::strerror(error) + "; make it writable for that user, or set " + key};
}

std::variant<unique_fd, Fault> lock_folder(const std::string& path, const char* key) {
    unique_fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        const int error = errno;
        return Fault{exit_code_of(error), std::string(key) + ": " + system_error("cannot open " + path, error).what};
    }
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) return folder;
    if (errno != EWOULDBLOCK) return Fault{EX_OSERR, std::string(key) + ": " + system_error("flock of " + path).what};
    return Fault{EX_CANTCREAT,
                 std::string(key) + ": " + path + " is in use by another evermilterd: stop it, or set " + key};
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

std::optional<Fault> make_socket_folder(const std::string& address, const char* key) {
    const auto parsed = config::parse_address(address);
    const auto* text = std::get_if<config::ListenAddress>(&parsed);
    if (text == nullptr) return std::nullopt; // validation has seen it; binding names what is left
    const auto* path = std::get_if<config::UnixAddress>(text);
    if (path == nullptr) return std::nullopt;
    const std::string folder = fs::path(path->path).parent_path();
    auto fault = make_folder(folder, 0755, Identity{}, Above::must_exist, key);
    if (fault) fault->text += ", the folder of " + path->path;
    return fault;
}

} // namespace

std::variant<FolderLocks, Fault> prepare_folders(const Settings& settings) {
    const config::Config& config = settings.config;
    const Identity& scanner = settings.identities.scanner;
    const Identity& session = settings.identities.session;

    for (const std::string& address : config.milter.listen) {
        if (auto fault = make_socket_folder(address, "milter.listen")) return std::move(*fault);
    }
    if (auto fault = make_socket_folder(config.status.socket, "status.socket")) return std::move(*fault);

    struct Folder {
        const std::string& path;
        mode_t mode;
        const Identity& user;
        const char* key;
    };
    for (const Folder& folder : {Folder{config.scanner.temp_directory, 0700, scanner, "scanner.temp_directory"},
                                 Folder{config.database.state_directory, 0750, scanner, "database.state_directory"},
                                 Folder{config.message.spool_directory, 0700, session, "message.spool_directory"}}) {
        if (auto fault = make_folder(folder.path, folder.mode, folder.user, Above::made, folder.key))
            return std::move(*fault);
        if (auto fault = check_usable(folder.path, folder.user, folder.key)) return std::move(*fault);
    }

    FolderLocks locks;
    auto temp = lock_folder(config.scanner.temp_directory, "scanner.temp_directory");
    if (auto* fault = std::get_if<Fault>(&temp)) return std::move(*fault);
    locks.temp = std::move(std::get<unique_fd>(temp));
    auto state = lock_folder(config.database.state_directory, "database.state_directory");
    if (auto* fault = std::get_if<Fault>(&state)) return std::move(*fault);
    locks.state = std::move(std::get<unique_fd>(state));

    wipe_dead_scanner_folders(settings);
    warn_about_temp(settings);
    return locks;
}

void wipe_dead_scanner_folders(const Settings& settings) {
    const auto living = locked_engines(settings.config.database.state_directory);
    if (living)
        wipe_scanner_folders(settings.config.scanner.temp_directory, 0, *living);
    else
        log::error("engines-unknown", {{"error", living.error().what}});
}

void wipe_scanner_folders(const std::string& temp_directory, std::uint64_t generation,
                          const std::vector<std::uint64_t>& spared) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(temp_directory, failed)) {
        const std::string name = entry.path().filename();
        // <temp_directory>/g<generation>-s<slot>, as the loader names them.
        const auto dash = name.find("-s");
        if (name.front() != 'g' || dash == std::string::npos || dash < 2 ||
            name.find_first_not_of("0123456789", 1) != dash)
            continue;
        std::uint64_t of = 0;
        std::from_chars(name.data() + 1, name.data() + dash, of);
        if (generation != 0 && of != generation) continue;
        if (std::find(spared.begin(), spared.end(), of) != spared.end()) continue;
        std::error_code left;
        fs::remove_all(entry.path(), left);
        if (left) log::warning("temp-directory", {{"path", entry.path().string()}, {"error", left.message()}});
    }
}

} // namespace evermilter::supervisor
