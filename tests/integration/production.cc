// See production.h.
#include "tests/integration/production.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <system_error>

#include "tests/support/report.h"

namespace evermilter::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNoMount = "this machine allows no mount";
// The scanners' user; the workers run as nobody.
constexpr const char* kScannersUser = "daemon";

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void mount_or_give_up(const char* source, const fs::path& target, const char* type, unsigned long flags,
                      const char* options) {
    if (mount(source, target.c_str(), type, flags, options) != 0) not_possible(kNoMount);
}

// A /dev of this process, whose `log` can be set without touching the machine's. Made once per process; it ends with
// it.
void have_own_dev() {
    static bool done = false;
    if (done) return;
    if (!is_root()) not_possible("an own mount needs root");
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        not_possible(kNoMount);
    static const Folder place; // mounts on it are visible only in the namespace
    const fs::path dev = place.path();
    mount_or_give_up("tmpfs", dev, "tmpfs", 0, "mode=0755");
    for (const char* name : {"null", "zero", "full", "random", "urandom"}) {
        write_file(dev / name, "");
        mount_or_give_up((fs::path("/dev") / name).c_str(), dev / name, nullptr, MS_BIND, nullptr);
    }
    fs::create_directory(dev / "shm");
    mount_or_give_up("/dev/shm", dev / "shm", nullptr, MS_BIND, nullptr);
    fs::create_symlink("/proc/self/fd", dev / "fd");
    mount_or_give_up(dev.c_str(), "/dev", nullptr, MS_BIND | MS_REC, nullptr);
    done = true;
}

} // namespace

SystemLog::SystemLog(const fs::path& folder) {
    have_own_dev();
    fs::create_directory(folder / "journal");
    const std::string path = folder / "journal" / "dev-log";
    socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail(path);
    fs::permissions(path, fs::perms(0666));
    fs::remove("/dev/log");
    fs::create_symlink(path, "/dev/log");
    file_.reset(open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file_) fail("log");
    end_.reset(eventfd(0, EFD_CLOEXEC));
    reader_ = std::thread([this] { read_all(); });
}

SystemLog::~SystemLog() {
    eventfd_write(end_.get(), 1);
    reader_.join();
}

void SystemLog::read_all() {
    std::array<pollfd, 2> entries{pollfd{socket_.get(), POLLIN, 0}, pollfd{end_.get(), POLLIN, 0}};
    std::array<char, 65536> line{};
    while (poll(entries.data(), entries.size(), -1) > 0) {
        for (;;) {
            const ssize_t got = recv(socket_.get(), line.data(), line.size() - 1, 0);
            if (got < 0) break;
            line[static_cast<std::size_t>(got)] = '\n';
            if (write(file_.get(), line.data(), static_cast<std::size_t>(got) + 1) < 0) return;
        }
        if (entries[1].revents != 0) return;
    }
}

std::ostream& operator<<(std::ostream& out, TempOn where) {
    return out << (where == TempOn::tmpfs ? "tmpfs" : "disk");
}

Keys Production::production_keys(Keys keys) {
    if (!is_root()) not_possible("an own mount needs root");
    keys.emplace("log.target", "\"syslog\"");
    keys.emplace("process.scanner_user", '"' + std::string(kScannersUser) + '"');
    return keys;
}

Production::Production(TempOn where, Keys keys) : Service(production_keys(std::move(keys))), system_log_(path("")) {
    if (where == TempOn::disk) return;
    const passwd* user = getpwnam(kScannersUser);
    if (user == nullptr) throw std::runtime_error(std::string("there is no user ") + kScannersUser);
    fs::create_directory(temp_directory());
    const std::string options = "size=256m,mode=0700,uid=" + std::to_string(user->pw_uid);
    mount_or_give_up("tmpfs", temp_directory(), "tmpfs", 0, options.c_str());
    mounted_ = temp_directory();
}

Production::~Production() {
    end_processes();
    if (!mounted_.empty()) umount2(mounted_.c_str(), MNT_DETACH);
}

void Production::start() {
    launch_daemon();
    wait_ready();
}

} // namespace evermilter::test
