// See command.h.
#include "tests/support/command.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (std::string& one : strings) result.push_back(one.data());
    result.push_back(nullptr);
    return result;
}

// Variables that our programs keep in addition: those of sanitizers, and of failing_new.h.
constexpr const char* kKeepVariable = "EVERMILTER_KEEP_ENVIRONMENT";
constexpr const char* kForTests =
    "ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS LD_PRELOAD EVERMILTER_FAILING_NEW";

// The child writes its own pid behind this.
constexpr std::string_view kListenPid = "LISTEN_PID=";
constexpr std::size_t kPidDigits = 10;

// After fork: puts the child's pid into its environment.
void write_pid(char* variable) {
    if (variable == nullptr) return;
    const auto pid = static_cast<unsigned>(getpid());
    std::size_t digits = 1;
    for (unsigned rest = pid; rest >= 10; rest /= 10) ++digits;
    unsigned rest = pid;
    for (std::size_t at = kListenPid.size() + digits; at-- > kListenPid.size(); rest /= 10)
        variable[at] = static_cast<char>('0' + rest % 10);
    variable[kListenPid.size() + digits] = '\0';
}

// After fork: the descriptors of `passed` become 3, 4, …, whatever their numbers are.
bool pass_on(const std::vector<int>& passed) {
    constexpr int kBeyond = 200;
    for (std::size_t i = 0; i < passed.size(); ++i)
        if (dup2(passed[i], kBeyond + static_cast<int>(i)) < 0) return false;
    for (std::size_t i = 0; i < passed.size(); ++i) {
        if (dup2(kBeyond + static_cast<int>(i), 3 + static_cast<int>(i)) < 0) return false;
        close(kBeyond + static_cast<int>(i));
    }
    return true;
}

// After fork: system calls only, because the parent may have threads.
[[noreturn]] void become(const char* path, char* const* arguments, char* const* environment, int input, int output,
                         int errors, const std::optional<RunAs>& user, void (*at_last)()) {
    setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) _exit(126);
    if (user && (setgroups(0, nullptr) != 0 || setgid(user->group) != 0 || setuid(user->user) != 0)) _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that is killed leaves no service behind; setuid(2) would clear it
    if (at_last != nullptr) at_last();
    execvpe(path, arguments, environment);
    _exit(127);
}

} // namespace

Child start_program(const std::vector<std::string>& command, int output, int errors, std::optional<RunAs> user,
                    const std::vector<std::string>& environment, const std::vector<int>& passed, void (*at_last)()) {
    if (user && user->user == geteuid()) user.reset();
    std::vector<std::string> arguments = command;
    std::vector<std::string> variables;
    for (char** one = environ; *one != nullptr; ++one) {
        // Only the variables that cannot change how our programs behave.
        const std::string_view variable(*one);
        const bool of_manager = variable.starts_with("NOTIFY_SOCKET=") || variable.starts_with("LISTEN_") ||
                                variable.starts_with("WATCHDOG_");
        if (!of_manager) variables.emplace_back(*one);
    }
    variables.insert(variables.end(), environment.begin(), environment.end());
    if (std::getenv(kKeepVariable) == nullptr) variables.push_back(std::string(kKeepVariable) + "=" + kForTests);
    if (!passed.empty()) {
        variables.push_back("LISTEN_FDS=" + std::to_string(passed.size()));
        variables.push_back(std::string(kListenPid) + std::string(kPidDigits, '0'));
    }
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> variable_pointers = pointers(variables);
    const unique_fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    Child child;
    child.pid = fork();
    if (child.pid < 0) fail("fork");
    if (child.pid == 0) {
        if (!passed.empty()) write_pid(variable_pointers[variables.size() - 1]);
        if (!pass_on(passed)) _exit(126);
        become(argument_pointers[0], argument_pointers.data(), variable_pointers.data(), null.get(),
               output < 0 ? null.get() : output, errors < 0 ? null.get() : errors, user, at_last);
    }
    child.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
    if (!child.pidfd) fail("pidfd_open");
    return child;
}

int wait_exit(Child& child) {
    wait_for(child.pidfd.get(), POLLIN, "the end of process " + std::to_string(child.pid));
    int status = 0;
    if (waitpid(child.pid, &status, 0) != child.pid) fail("waitpid");
    child.pid = 0;
    child.pidfd.reset();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Outcome run(const std::vector<std::string>& command, std::optional<RunAs> user) {
    const unique_fd output(memfd_create("output", MFD_CLOEXEC));
    const unique_fd errors(memfd_create("errors", MFD_CLOEXEC));
    Child child = start_program(command, output.get(), errors.get(), user);
    Outcome outcome;
    try {
        outcome.status = wait_exit(child);
    } catch (const NeverHappened&) {
        kill(child.pid, SIGKILL);
        waitpid(child.pid, nullptr, 0);
        throw;
    }
    outcome.output = read_descriptor(getpid(), output.get());
    outcome.errors = read_descriptor(getpid(), errors.get());
    return outcome;
}

std::string program(const std::string& name) {
    // A test with programs of its own names their folder in this variable.
    const char* other = std::getenv("EVERMILTER_TEST_PROGRAMS");
    return std::string(other == nullptr ? EVERMILTER_BIN_DIRECTORY : other) + "/" + name;
}

RunAs nobody() {
    const passwd* found = getpwnam("nobody");
    if (found == nullptr) throw std::runtime_error("there is no user nobody");
    return {found->pw_uid, found->pw_gid};
}

bool is_root() {
    return geteuid() == 0;
}

} // namespace evermilter::test
