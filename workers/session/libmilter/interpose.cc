// glibc's fortified poll(2) and syslog(3) are inline functions of those names; here they are defined.
#undef _FORTIFY_SOURCE

#include "workers/session/libmilter/interpose.h"

#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <mutex>
#include <string>

#include "workers/common/base/log.h"
#include "workers/session/libmilter/dispatcher_state.h"
#include "workers/session/libmilter/inserted_commands.h"
#include "workers/session/libmilter/packet_peek.h"

namespace evermilter::session::seam {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kCommandOffset = 4; // behind the length

enum class ThreadRole : std::uint8_t { unknown, listener, controller, pool };
thread_local ThreadRole t_role = ThreadRole::unknown;
thread_local int t_descriptor = -1;
thread_local char t_command = '\0';
thread_local bool t_packet_open = false;
thread_local std::size_t t_length = 0; // of the packet
thread_local int t_answering = -1;     // expect_answer() was called for it
std::atomic<bool> g_installed{false};

// Acknowledge what came at once, not 40 ms later; not sticky, so before each read (tcp(7)).
void acknowledge(int descriptor) {
    int on = 1;
    (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

// ---------------------------------------------------------------- the listener's thread

int poll_listener(pollfd* list, int timeout_ms) {
    Seam& seam = the_seam();
    wait_for_pick_up();
    std::unique_lock lock(seam.mutex);
    const bool ready = seam.offered.wait_for(lock, milliseconds(timeout_ms),
                                             [&] { return !seam.offers.empty() && seam.dispatched < 0; });
    list->revents = ready ? POLLIN : short{0};
    return ready ? 1 : 0;
}

// TCP_NODELAY: replies are small and each is waited for. SO_SNDTIMEO: a client that reads nothing holds a thread in
// writev(2) for so long. SO_OOBINLINE: urgent data is data. Blocking, as libmilter expects it. A failure costs
// speed, not correctness.
bool prepare(int descriptor, milliseconds packet) {
    int on = 1;
    const bool tcp = ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
    timeval wait{};
    wait.tv_sec = packet.count() / 1000;
    wait.tv_usec = packet.count() % 1000 * 1000;
    (void)::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    (void)::setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) (void)::fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK);
    return tcp;
}

// From here on libmilter's controller and the callbacks know the connection.
void adopt(const Offer& offer) {
    Seam& seam = the_seam();
    const int descriptor = offer.connection.get();
    const bool tcp = prepare(descriptor, seam.packet);
    seam.events.load()->adopted(offer.token, descriptor);
    const std::lock_guard lock(seam.mutex);
    Connection connection;
    connection.tcp = tcp;
    seam.connections.put(descriptor, std::move(connection));
}

int accept_offered(sockaddr* address, socklen_t* length) {
    Seam& seam = the_seam();
    Offer offer;
    {
        std::unique_lock lock(seam.mutex);
        // Between the listener's poll() and here the controller may have let a session through.
        if (!seam.offered.wait_for(lock, kTick * kTicksToPickUp,
                                   [&] { return !seam.offers.empty() && seam.dispatched < 0; })) {
            errno = EAGAIN;
            return -1;
        }
        seam.seen_accept.store(true);
        offer = std::move(seam.offers.front());
        seam.offers.pop_front();
        seam.dispatched = offer.connection.get();
    }
    try {
        adopt(offer);
    } catch (const std::exception&) {
        {
            const std::lock_guard lock(seam.mutex);
            next_may_go(seam);
        }
        forget(offer.connection.get());
        seam.events.load()->lost(offer.token);
        throw;
    }
    // libmilter refuses an empty address; of which family its listener is it does not know for `fd:N`.
    if (address != nullptr && length != nullptr && *length >= sizeof(sa_family_t)) address->sa_family = AF_UNIX;
    if (length != nullptr) *length = sizeof(sa_family_t);
    return offer.connection.release();
}

// ---------------------------------------------------------------- the pool's threads

void close_packet(Connection& connection, bool& tell) {
    tell = std::exchange(connection.packet_open, false);
    connection.stalled = false;
    t_packet_open = false;
}

// The command that libmilter will read next is known: gives it those first without which it would drop this one.
// Returns the command that it will read. On an Error it would drop it without an answer: the session is lost.
Result<char> complete(int descriptor, Connection& connection, char command) {
    if (command == SMFIC_MACRO || command == '\0') return command;
    if (command == SMFIC_OPTNEG) connection.unanswered = offers_no_replies(descriptor);
    if (connection.interlude) {
        connection.last = command;
        return command;
    }
    if (is_dropped(connection.last, connection.in_message, command)) return Error{0, "a command out of order"};
    const MissingCommands missing = missing_commands(connection.last, command);
    if (missing.packets.empty()) {
        connection.last = command;
        return command;
    }
    auto interlude = Interlude::begin(descriptor, missing.packets);
    if (!interlude) return std::move(interlude).error();
    connection.interlude.emplace(std::move(*interlude));
    if (missing.takes_command) connection.interlude->skip_packet();
    connection.last = missing.packets.at(kCommandOffset);
    return connection.last;
}

// After an interlude the connection is libmilter's again. On an Error it cannot be: the session is lost.
Result<void> end_interlude(int descriptor, Connection& connection) {
    if (!connection.interlude || !connection.interlude->over(descriptor)) return {};
    auto ended = connection.interlude->end(descriptor);
    connection.interlude.reset();
    return ended;
}

// Lets libmilter read the end of a session that cannot go on.
int lost(pollfd* one, const Error& why) {
    (void)::shutdown(one->fd, SHUT_RDWR);
    t_command = '\0';
    one->revents = POLLHUP;
    the_seam().events.load()->out_of_step(one->fd, "a command that libmilter would not answer");
    log::error("session-out-of-step", {{"reason", why.what}});
    return 1;
}

// A connection that was forgotten is nobody's: callbacks that still come for it belong to no session.
int poll_forgotten(pollfd* one, int timeout_ms) {
    t_descriptor = -1;
    t_command = '\0';
    t_packet_open = false;
    return real_poll(one, 1, timeout_ms);
}

// Between two packets (engine.c, mi_rd_socket_ready): is there another to be read within a millisecond? Of a slow
// session there is not, and a thread that waited for it would be missing elsewhere. Also the first call of a thread
// that has taken a session.
int poll_between_packets(pollfd* one, int timeout_ms) {
    Seam& seam = the_seam();
    const int descriptor = one->fd;
    seam.seen_pool.store(true, std::memory_order_relaxed);
    if (std::exchange(t_answering, -1) == descriptor) seam.events.load()->answered(descriptor);
    bool tcp = false;
    bool slow = false;
    bool whole = false;
    {
        std::unique_lock lock(seam.mutex);
        Connection* const found = seam.connections.find(descriptor);
        if (found == nullptr) {
            lock.unlock();
            return poll_forgotten(one, timeout_ms);
        }
        Connection& connection = *found;
        tcp = connection.tcp;
        slow = connection.slow;
        t_descriptor = descriptor;
        if (seam.dispatched == descriptor) {
            next_may_go(seam);
        }
        if (std::exchange(connection.let_through, false)) {
            const auto command = complete(descriptor, connection, connection.command);
            t_packet_open = connection.packet_open;
            const std::size_t length = connection.length;
            lock.unlock();
            if (!command) return lost(one, command.error());
            t_command = *command;
            t_length = length;
            one->revents = POLLIN;
            return 1;
        }
        close_packet(connection, whole); // the previous one has been read
        const auto ended = end_interlude(descriptor, connection);
        lock.unlock();
        if (whole) seam.events.load()->packet_whole(descriptor);
        if (!ended) return lost(one, ended.error());
    }
    if (tcp) acknowledge(descriptor);
    const int ready = real_poll(one, 1, slow ? 0 : timeout_ms);
    t_command = '\0';
    if (ready <= 0 || broken(one->revents)) return ready;
    const PacketLook look = look_at_packet(descriptor);
    if (look.state == PacketLook::State::whole) {
        Result<char> command = look.command;
        {
            const std::lock_guard lock(seam.mutex);
            Connection* const found = seam.connections.find(descriptor);
            if (found != nullptr) command = complete(descriptor, *found, look.command);
        }
        if (!command) return lost(one, command.error());
        t_command = *command;
        t_length = look.length;
        return ready;
    }
    if (look.state == PacketLook::State::ended) return ready;
    one->revents = 0; // back to the controller, which waits for the rest
    return 0;
}

// Within a packet, or before a reply is written. Usually there is nothing to wait for.
int poll_within_packet(pollfd* one, int timeout_ms) {
    Seam& seam = the_seam();
    const bool reading = (one->events & POLLIN) != 0;
    int ready = real_poll(one, 1, 0);
    if (ready == 0) {
        bool tell = false;
        if (reading) {
            const std::lock_guard lock(seam.mutex);
            Connection* const found = seam.connections.find(one->fd);
            if (found != nullptr) {
                tell = !std::exchange(found->packet_open, true);
                if (found->tcp) acknowledge(one->fd);
            }
        }
        if (tell) seam.events.load()->packet_begun(one->fd);
        if (reading) t_packet_open = true;
        // For a read, the stage clock shuts the connection down when timeouts.packet is over; this is the second line.
        const auto longest = static_cast<int>(seam.packet.count()) + (reading ? 1000 : 0);
        ready = real_poll(one, 1, timeout_ms < 0 ? longest : std::min(timeout_ms, longest));
    }
    if (ready <= 0 || broken(one->revents)) t_command = '\0';
    return ready;
}

// What a thread that is not ours yet is: the pool's controller polls its pipe first, for ten seconds; a pool thread
// polls one session.
ThreadRole role_of(const pollfd* list, nfds_t count, int timeout_ms) {
    constexpr int kControllerTimeout = 10'000; // worker.c, POLL_TIMEOUT
    Seam& seam = the_seam();
    if (count == 1) {
        const std::lock_guard lock(seam.mutex);
        if (seam.connections.find(list->fd) != nullptr) return ThreadRole::pool;
    }
    struct stat status {};
    if (count >= 1 && timeout_ms == kControllerTimeout && ::fstat(list->fd, &status) == 0 && S_ISFIFO(status.st_mode))
        return ThreadRole::controller;
    return ThreadRole::unknown;
}

int seam_poll(pollfd* list, nfds_t count, int timeout_ms) {
    if (!g_installed.load(std::memory_order_acquire)) return real_poll(list, count, timeout_ms);
    Seam& seam = the_seam();
    if (t_role == ThreadRole::unknown) t_role = role_of(list, count, timeout_ms);
    switch (t_role) {
        case ThreadRole::listener:
            if (count == 1 && list->fd == seam.listener) return poll_listener(list, timeout_ms);
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

// What libmilter says by itself, of a session as a rule. What fails costs a line.
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

Seam& the_seam() {
    static auto* const seam = new Seam; // NOLINT(cppcoreguidelines-owning-memory)
    return *seam;
}

int real_poll(pollfd* list, nfds_t count, int timeout_ms) {
    timespec wait{};
    wait.tv_sec = timeout_ms / 1000;
    wait.tv_nsec = static_cast<long>(timeout_ms % 1000) * 1'000'000;
    return ::ppoll(list, count, timeout_ms < 0 ? nullptr : &wait, nullptr);
}

Result<void> install(Events& events, milliseconds packet) {
    Seam& seam = the_seam();
    auto listener = make_listener();
    if (!listener) return std::move(listener).error();
    std::string connection = "fd:" + std::to_string(listener->get());
    if (::smfi_setconn(connection.data()) != MI_SUCCESS || ::smfi_opensocket(false) != MI_SUCCESS)
        return Error{0, "libmilter does not take " + connection + " (its own message is in the log)"};
    // Nobody shall be able to connect past the supervisor: something else takes the listener's place.
    const unique_fd placeholder(::eventfd(0, EFD_CLOEXEC));
    if (!placeholder) return system_error("eventfd");
    if (::dup3(placeholder.get(), listener->get(), O_CLOEXEC) < 0) return system_error("dup3");
    for (unique_fd* const epoll : {&seam.watch, &seam.seldom}) {
        epoll->reset(::epoll_create1(EPOLL_CLOEXEC));
        if (!*epoll) return system_error("epoll_create1");
    }
    seam.listener = listener->release(); // libmilter's from now on
    tell(events);
    seam.packet = packet;
    g_installed.store(true, std::memory_order_release);
    return {};
}

Seen seen() noexcept {
    const Seam& seam = the_seam();
    return {seam.seen_accept.load(), seam.seen_controller.load(), seam.seen_pool.load()};
}

void tell(Events& events) noexcept {
    the_seam().events.store(&events);
}

void run() {
    t_role = ThreadRole::listener;
    (void)::smfi_main();
}

void offer(unique_fd connection, std::uint64_t token) {
    Seam& seam = the_seam();
    const std::lock_guard lock(seam.mutex);
    seam.offers.push_back({std::move(connection), token});
    seam.offered.notify_all();
}

int enter_callback() noexcept {
    if (t_role != ThreadRole::pool) return -1;
    if (t_packet_open) {
        Seam& seam = the_seam();
        bool tell = false;
        {
            const std::lock_guard lock(seam.mutex);
            Connection* const found = seam.connections.find(t_descriptor);
            if (found != nullptr) close_packet(*found, tell);
        }
        if (tell) seam.events.load()->packet_whole(t_descriptor);
    }
    return t_descriptor;
}

char current_command() noexcept {
    return t_command;
}

std::size_t current_length() noexcept {
    return t_length;
}

void expect_answer() noexcept {
    t_answering = t_descriptor;
}

void set_in_message(int descriptor, bool in_message) noexcept {
    Seam& seam = the_seam();
    const std::lock_guard lock(seam.mutex);
    Connection* const found = seam.connections.find(descriptor);
    if (found != nullptr) found->in_message = in_message;
}

void forget(int descriptor) noexcept {
    Seam& seam = the_seam();
    const std::lock_guard lock(seam.mutex);
    Connection* const found = seam.connections.find(descriptor);
    if (t_answering == descriptor) t_answering = -1;
    if (found == nullptr) return;
    if (found->watch != Watch::listed) unwatch(seam, descriptor, *found);
    seam.connections.erase(descriptor);
}

} // namespace evermilter::session::seam

// ---------------------------------------------------------------- what libmilter calls

extern "C" {

int evermilter_poll(pollfd* list, nfds_t count, int timeout_ms) {
    try {
        return evermilter::session::seam::seam_poll(list, count, timeout_ms);
    } catch (const std::exception&) {
        return evermilter::session::seam::out_of_memory();
    }
}

int evermilter_accept(int descriptor, sockaddr* address, socklen_t* length) {
    using namespace evermilter::session::seam;
    if (t_role != ThreadRole::listener || descriptor != the_seam().listener)
        return static_cast<int>(::syscall(SYS_accept4, descriptor, address, length, 0));
    try {
        return accept_offered(address, length);
    } catch (const std::exception&) {
        return out_of_memory();
    }
}

int evermilter_sigwait(const sigset_t* set, int* signal) {
    if (evermilter::session::seam::g_installed.load(std::memory_order_acquire))
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
    using namespace evermilter::session::seam;
    if (t_role == ThreadRole::listener && descriptor == the_seam().listener)
        return evermilter_accept(descriptor, address, length);
    return static_cast<int>(::syscall(SYS_accept4, descriptor, address, length, flags));
}

// NOLINTNEXTLINE(cert-dcl50-cpp): the C library's declaration
void syslog(int priority, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    evermilter::session::seam::log_of_libmilter(priority, format, arguments);
    va_end(arguments);
}

// syslog() of a library that was built with _FORTIFY_SOURCE.
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl50-cpp)
[[gnu::format(printf, 3, 4)]] void __syslog_chk(int priority, int /*flag*/, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    evermilter::session::seam::log_of_libmilter(priority, format, arguments);
    va_end(arguments);
}

// The C library's names for them in this program and in every library that it loads.
int poll(pollfd*, nfds_t, int) __attribute__((alias("evermilter_poll")));
int accept(int, sockaddr*, socklen_t*) __attribute__((alias("evermilter_accept")));
int sigwait(const sigset_t*, int*) __attribute__((alias("evermilter_sigwait")));

} // extern "C"
