#include "supervisor/children/processes.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "supervisor/children/roles.h"
#include "workers/common/base/process_state.h"
#include "workers/common/ipc/child.h"

namespace evermilter::supervisor {
namespace {

std::string own_directory() {
    std::array<char, PATH_MAX> path{};
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0) return {};
    return std::filesystem::path(std::string_view(path.data(), static_cast<std::size_t>(length))).parent_path();
}

// Above those that have a number of their own in the child, until its exec. -1 and errno.
int move_up(int fd) {
    return ::fcntl(fd, F_DUPFD_CLOEXEC, kChildChannel + 1);
}

// In the forked child, with all signals blocked: nothing but async-signal-safe calls, and no return. Signals stay
// blocked until the program has said what it does with them (process_state.h).
[[noreturn]] void execute(int binary, const char* binary_name, int channel, int standard_error, int null,
                          const Identity& identity, int oom_points) {
    ignore_signals();
    const char* failed = "cannot become its user";
    if (become(identity, oom_points)) {
        failed = "cannot be executed";
        for (int* fd : {&binary, &channel, &standard_error, &null}) *fd = move_up(*fd);
        if (binary >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(null, STDOUT_FILENO) >= 0 &&
            ::dup2(standard_error, STDERR_FILENO) >= 0 && ::dup2(channel, kChildChannel) >= 0) {
            std::array<char*, 2> arguments = {const_cast<char*>(binary_name), nullptr};
            ::fexecve(binary, arguments.data(), environ);
        }
    }
    const char* reason = ::strerrordesc_np(errno);
    for (const char* part : {binary_name, " ", failed, ": ", reason == nullptr ? "unknown error" : reason, "\n"})
        static_cast<void>(!::write(STDERR_FILENO, part, std::strlen(part)));
    ::_exit(EX_OSERR);
}

} // namespace

Result<void> SystemProcesses::open_binaries() {
    null_ = unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null_) return system_error("cannot open /dev/null");
    const std::array<std::string, 2> directories = {own_directory(), EVERMILTER_LIBEXEC_DIRECTORY};
    for (const RoleRow& row : kRoleRows) {
        if (row.binary == nullptr || binaries_.contains(row.binary)) continue;
        unique_fd binary;
        for (const std::string& directory : directories) {
            const std::string path = directory + "/" + row.binary;
            binary = unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
            if (binary) break;
            if (errno != ENOENT) return system_error("cannot open " + path);
        }
        if (!binary) {
            return Error{ENOENT, std::string("cannot find ") + row.binary + " in " + directories[0] + " or " +
                                     directories[1] + ": the installation is not complete"};
        }
        binaries_.emplace(row.binary, std::move(binary));
    }
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return system_error("becoming the reaper of descendants");
    return {};
}

Result<pid_t> SystemProcesses::start(messages::Role role, const Identities& identities, int channel) {
    const RoleRow& row = row_of(role);
    const auto binary = row.binary == nullptr ? binaries_.end() : binaries_.find(row.binary);
    if (binary == binaries_.end()) return Error{EINVAL, std::string("no binary for a ") + messages::role_name(role)};
    const int standard_error = silent_ ? null_.get() : STDERR_FILENO;

    // Until its exec the child has our handlers, which would swallow what is meant for it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    static_cast<void>(::sigprocmask(SIG_BLOCK, &all, &before));
    const pid_t pid = ::fork();
    if (pid == 0)
        execute(binary->second.get(), row.binary, channel, standard_error, null_.get(), identities.*row.user,
                row.oom_points);
    Error failed = system_error(std::string("cannot start ") + row.binary);
    static_cast<void>(::sigprocmask(SIG_SETMASK, &before, nullptr));
    if (pid < 0) return failed;
    return pid;
}

void SystemProcesses::kill(pid_t pid) {
    ::kill(pid, SIGKILL);
}

pid_t SystemProcesses::find_dead() {
    siginfo_t found{};
    return ::waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) == 0 ? found.si_pid : 0;
}

int SystemProcesses::reap(pid_t pid) {
    int wait_status = 0;
    static_cast<void>(::waitpid(pid, &wait_status, WNOHANG));
    return wait_status;
}

pid_t SystemProcesses::own_pid() const {
    return ::getpid();
}

pid_t SystemProcesses::parent_of(pid_t pid) const {
    // Field 4 of /proc/PID/stat, behind the command's name in parentheses (proc(5)).
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) return -1;
    const auto behind = line.rfind(')');
    if (behind == std::string::npos) return -1;
    char state = 0;
    int parent = 0;
    return std::sscanf(line.c_str() + behind + 1, " %c %d", &state, &parent) == 2 ? parent : -1;
}

} // namespace evermilter::supervisor
