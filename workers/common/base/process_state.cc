#include "workers/common/base/process_state.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evermilter {
namespace {

constexpr std::array kFailures = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

// The C library keeps these two for itself and lets nobody set them; unused, they end the process. It sets its own
// handlers when it comes to need them.
constexpr int kFirstOfLibrary = 32;
constexpr int kLastOfLibrary = 33;

// As rt_sigaction(2) takes it.
struct KernelAction {
    void (*handler)(int) = SIG_IGN;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    std::uint64_t mask = 0;
};

void ignore_of_library(int number) noexcept {
    KernelAction before;
    if (::syscall(SYS_rt_sigaction, number, nullptr, &before, sizeof before.mask) != 0 || before.handler != SIG_DFL)
        return;
    const KernelAction ignored;
    (void)::syscall(SYS_rt_sigaction, number, &ignored, nullptr, sizeof ignored.mask);
}

void set_soft_limit(decltype(RLIMIT_CORE) resource, rlim_t wanted) noexcept {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0) return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    (void)::setrlimit(resource, &limit);
}

constexpr rlim_t kStack = 8UL << 20U;

// TZ may name any file; a time zone's name is not.
bool is_zone(std::string_view value) {
    return !value.empty() && value.size() <= 64 && value.front() != '/' && value.find("..") == std::string_view::npos &&
           value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/,.<>") ==
               std::string_view::npos;
}

constexpr const char* kKept = "EVERMILTER_KEEP_ENVIRONMENT";

bool is_named(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const auto end = std::min(list.find(' '), list.size());
        if (list.substr(0, end) == name) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

bool is_of_use(std::string_view name, std::string_view value, std::string_view kept) {
    // Of the service manager (sd_notify(3), sd_listen_fds(3)), until it was met; and where standard error goes.
    constexpr std::array manager = {"NOTIFY_SOCKET", "WATCHDOG_USEC",  "WATCHDOG_PID",  "LISTEN_FDS",
                                    "LISTEN_PID",    "LISTEN_FDNAMES", "JOURNAL_STREAM"};
    if (std::find(manager.begin(), manager.end(), name) != manager.end()) return true;
    if (name == "TZ") return is_zone(value);
    return name == kKept || is_named(kept, name);
}

} // namespace

void ignore_signals(std::initializer_list<int> handled) noexcept {
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (number == SIGKILL || number == SIGSTOP || number == SIGCHLD) continue;
        if (number >= kFirstOfLibrary && number <= kLastOfLibrary) {
            ignore_of_library(number);
            continue;
        }
        const bool used = std::find(handled.begin(), handled.end(), number) != handled.end();
        if (used || std::find(kFailures.begin(), kFailures.end(), number) == kFailures.end()) {
            (void)::signal(number, used ? SIG_DFL : SIG_IGN);
            continue;
        }
        struct sigaction before {};
        if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) (void)::signal(number, SIG_DFL);
    }
    (void)::signal(SIGCHLD, SIG_DFL); // ignored, nobody could be waited for
    const itimerval never{};
    for (const auto timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) (void)::setitimer(timer, &never, nullptr);
}

bool block_signals(Blocked which) noexcept {
    sigset_t set;
    sigemptyset(&set);
    switch (which) {
        case Blocked::none:
            break;
        case Blocked::until_handled:
            for (const int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) sigaddset(&set, number);
            break;
        case Blocked::in_child:
            for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGABRT}) sigaddset(&set, number);
            break;
    }
    return ::sigprocmask(SIG_SETMASK, &set, nullptr) == 0;
}

void set_surroundings() noexcept {
    (void)::umask(022);
    for (const auto resource : {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS})
        set_soft_limit(resource, RLIM_INFINITY);
    set_soft_limit(RLIMIT_STACK, kStack);
    (void)!::chdir("/");
}

void hide_memory() noexcept {
    (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void clean_environment() {
    const char* kept = std::getenv(kKept);
    const std::string list = kept == nullptr ? "" : kept;
    std::vector<std::pair<std::string, std::string>> stays;
    for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
        const std::string_view entry(*one);
        const auto middle = entry.find('=');
        if (middle == std::string_view::npos) continue;
        const std::string_view name = entry.substr(0, middle);
        const std::string_view value = entry.substr(middle + 1);
        if (is_of_use(name, value, list)) stays.emplace_back(name, value);
    }
    (void)::clearenv();
    (void)::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    for (const auto& [name, value] : stays) (void)::setenv(name.c_str(), value.c_str(), 1);
}

} // namespace evermilter
