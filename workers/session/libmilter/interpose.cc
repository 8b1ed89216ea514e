// glibc's fortified poll(2) and syslog(3) are inline functions of those names; here they are defined.
#undef _FORTIFY_SOURCE

#include "workers/session/libmilter/interpose.h"

#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>

#include "workers/common/base/log.h"
#include "workers/session/libmilter/shared.h"

namespace evermilter::session::libmilter {
namespace {

using std::chrono::milliseconds;

enum class ThreadRole : std::uint8_t { unknown, listener, controller, pool };
thread_local ThreadRole t_role = ThreadRole::unknown;
std::atomic<bool> g_installed{false};

// What a thread is for, from its first call: the pool's controller polls its pipe first, for ten seconds; a pool thread
// polls one session.
ThreadRole role_of(const pollfd* list, nfds_t count, int timeout_ms) {
    constexpr int kControllerTimeout = 10'000; // worker.c, POLL_TIMEOUT
    if (count == 1) {
        const Lock lock;
        if (shared().dispatcher.find(list->fd) != nullptr) return ThreadRole::pool;
    }
    struct stat status {};
    if (count >= 1 && timeout_ms == kControllerTimeout && ::fstat(list->fd, &status) == 0 && S_ISFIFO(status.st_mode))
        return ThreadRole::controller;
    return ThreadRole::unknown;
}

int poll_by_role(pollfd* list, nfds_t count, int timeout_ms) {
    if (!g_installed.load(std::memory_order_acquire)) return real_poll(list, count, timeout_ms);
    if (t_role == ThreadRole::unknown) t_role = role_of(list, count, timeout_ms);
    switch (t_role) {
        case ThreadRole::listener:
            if (count == 1 && list->fd == shared().listener) return poll_listener(list, timeout_ms);
            break;
        case ThreadRole::controller:
            return poll_controller(list, count, timeout_ms);
        case ThreadRole::pool: {
            if (count != 1) break;
            const bool between = list->events == POLLIN; // within a packet it is POLLIN | POLLPRI
            return between ? poll_between_packets(list, timeout_ms) : poll_within_packet(list, timeout_ms);
        }
        case ThreadRole::unknown:
            break;
    }
    return real_poll(list, count, timeout_ms);
}

// Nothing else throws here. libmilter tries again, after a moment in which there may be some.
int out_of_memory() {
    constexpr timespec kMoment{0, 10'000'000};
    (void)::nanosleep(&kMoment, nullptr);
    errno = EINTR;
    return -1;
}

// An AF_UNIX listener that the kernel names (autobind, unix(7)): no path in the file system, nothing to unlink.
Result<unique_fd> make_listener() {
    unique_fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener) return system_error("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address.sun_family) != 0)
        return system_error("bind libmilter's listener");
    return listener;
}

// What libmilter logs, of a session as a rule. If it cannot be logged, the line is lost.
[[gnu::format(printf, 2, 0)]] void log_of_libmilter(int priority, const char* format, va_list arguments) noexcept {
    std::array<char, 1024> text{};
    (void)std::vsnprintf(text.data(), text.size(), format, arguments);
    const int severity = LOG_PRI(priority);
    const log::Level level = severity <= LOG_ERR       ? log::Level::error
                             : severity == LOG_WARNING ? log::Level::warning
                             : severity == LOG_DEBUG   ? log::Level::debug
                                                       : log::Level::info;
    try {
        log::write(level, "libmilter", {{"text", text.data()}});
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch)
    }
}

} // namespace

Result<void> install(Events& events, milliseconds packet) {
    Shared& all = shared();
    auto listener = make_listener();
    if (!listener) return std::move(listener).error();
    std::string connection = "fd:" + std::to_string(listener->get());
    if (::smfi_setconn(connection.data()) != MI_SUCCESS || ::smfi_opensocket(false) != MI_SUCCESS)
        return Error{0, "libmilter does not take " + connection + " (its own message is in the log)"};
    // Nobody can connect past the supervisor: something else takes the listener's place.
    const unique_fd placeholder(::eventfd(0, EFD_CLOEXEC));
    if (!placeholder) return system_error("eventfd");
    if (::dup3(placeholder.get(), listener->get(), O_CLOEXEC) < 0) return system_error("dup3");
    if (auto opened = all.sockets.open(); !opened) return opened;
    all.listener = listener->release(); // libmilter's from now on
    report_to(events);
    all.packet = packet;
    g_installed.store(true, std::memory_order_release);
    return {};
}

Seen seen() noexcept {
    const Shared& all = shared();
    return {all.seen_accept.load(), all.seen_controller.load(), all.seen_pool.load()};
}

void report_to(Events& events) noexcept {
    shared().events.store(&events);
}

void run() {
    t_role = ThreadRole::listener;
    (void)::smfi_main();
}

} // namespace evermilter::session::libmilter

// ---------------------------------------------------------------- what libmilter calls

extern "C" {

int evermilter_poll(pollfd* list, nfds_t count, int timeout_ms) {
    try {
        return evermilter::session::libmilter::poll_by_role(list, count, timeout_ms);
    } catch (const std::exception&) {
        return evermilter::session::libmilter::out_of_memory();
    }
}

int evermilter_accept(int descriptor, sockaddr* address, socklen_t* length) {
    using namespace evermilter::session::libmilter;
    if (t_role != ThreadRole::listener || descriptor != shared().listener)
        return static_cast<int>(::syscall(SYS_accept4, descriptor, address, length, 0));
    try {
        return accept_offered(address, length);
    } catch (const std::exception&) {
        return out_of_memory();
    }
}

int evermilter_sigwait(const sigset_t* set, int* signal) {
    if (evermilter::session::libmilter::g_installed.load(std::memory_order_acquire))
        for (;;) ::pause();
    const int got = ::sigwaitinfo(set, nullptr);
    if (got < 0) return errno;
    *signal = got;
    return 0;
}

// poll() of a library that was built with _FORTIFY_SOURCE, where the compiler knows how large the list is (Ubuntu's).
// NOLINTNEXTLINE(bugprone-reserved-identifier)
int __poll_chk(pollfd* list, nfds_t count, int timeout_ms, std::size_t list_size) {
    if (list_size / sizeof(pollfd) < count) ::abort();
    return evermilter_poll(list, count, timeout_ms);
}

int accept4(int descriptor, sockaddr* address, socklen_t* length, int flags) {
    using namespace evermilter::session::libmilter;
    if (t_role == ThreadRole::listener && descriptor == shared().listener)
        return evermilter_accept(descriptor, address, length);
    return static_cast<int>(::syscall(SYS_accept4, descriptor, address, length, flags));
}

// NOLINTNEXTLINE(cert-dcl50-cpp): the C library's declaration
void syslog(int priority, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    evermilter::session::libmilter::log_of_libmilter(priority, format, arguments);
    va_end(arguments);
}

// syslog() of a library that was built with _FORTIFY_SOURCE.
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl50-cpp)
[[gnu::format(printf, 3, 4)]] void __syslog_chk(int priority, int /*flag*/, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    evermilter::session::libmilter::log_of_libmilter(priority, format, arguments);
    va_end(arguments);
}

// The C library's names for them in this program and in every library that it loads.
int poll(pollfd*, nfds_t, int) __attribute__((alias("evermilter_poll")));
int accept(int, sockaddr*, socklen_t*) __attribute__((alias("evermilter_accept")));
int sigwait(const sigset_t*, int*) __attribute__((alias("evermilter_sigwait")));

} // extern "C"
