// What libmilter calls in this program instead of the C library. libmilter takes connections only from accept() on its
// own listener, gives no callback its descriptor, waits up to 7,210 s in a thread for the rest of a packet, parks
// events behind a blocked callback (Debian's worker pool counts a thread as idle until it wakes), and stops on signals.
// So interpose.cc defines accept(), poll(), sigwait() and syslog(); calls of other threads pass to the system.
//   - accept() takes connections from a queue in this process (listener.cc).
//   - poll() in the pool's controller lets one ready session through at a time, and only once its packet is whole in
//   the
//     socket's buffer, so no thread waits for a client; accept counts as one. The next goes when a pool thread has
//     polled the previous one (controller.cc; dispatcher.h decides).
//   - poll() in a pool thread names the session of the callbacks that follow (pool_thread.cc).
//   - sigwait() in libmilter's signal thread never returns: this process stops by message, not by signal.
//   - syslog() makes a line of our own log (event=libmilter). The C library's waits for as long as nobody reads the
//     system's log, and the session that libmilter complains of, with its thread, would wait as long.
// There is one libmilter in a process, so all of this exists once.
#pragma once

#include <chrono>
#include <cstdint>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::session::libmilter {

// What happens to connections. Called from libmilter's threads, without a lock of this folder; must not block for long.
class Events {
  public:
    Events() = default;
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;
    virtual ~Events() = default;

    // The connection offered with this token is libmilter's from now on, under this descriptor.
    virtual void adopted(std::uint64_t token, int descriptor) = 0;
    // The connection offered with this token could not be taken over (out of memory); it is closed.
    virtual void lost(std::uint64_t token) = 0;
    // A packet has begun and is not whole / is whole now. Each begun is followed by whole or by the session's end.
    virtual void packet_begun(int descriptor) = 0;
    virtual void packet_whole(int descriptor) = 0;
    // The answer that expect_answer() announced has been written.
    virtual void answered(int descriptor) = 0;
    // The MTA sends a command that libmilter would drop without an answer: the session cannot go on. `why` is a
    // constant.
    virtual void out_of_step(int descriptor, const char* why) = 0;
    // No thread took the session within three seconds (libmilter could not make one, which it only logs). It will
    // never be served.
    virtual void unserved(int descriptor) = 0;
};

// Makes libmilter's listener: to be called after smfi_register(3), before any thread but the caller exists.
// `packet` bounds each wait of a pool thread for its client. `events` must outlive the process.
[[nodiscard]] Result<void> install(Events& events, std::chrono::milliseconds packet);

// libmilter has to do three things through this program: which of them it has done so far. A library that was built
// differently calls something else: select(2), or one thread a session without a pool.
struct Seen {
    bool accept = false;     // a connection was taken from the queue
    bool controller = false; // the pool's controller has waited for sessions here
    bool pool = false;       // and a thread of the pool between two packets
};
[[nodiscard]] Seen seen() noexcept;

// Events go to this one from now on. Only while libmilter has no connection.
void report_to(Events& events) noexcept;

// Calls smfi_main(3) in this thread. Returns only when libmilter failed.
void run();

// Gives libmilter a connection; `token` comes back in Events::adopted. Any thread.
void offer(unique_fd connection, std::uint64_t token);

// At the beginning of each callback: the session that it belongs to, as libmilter's descriptor; -1 in a thread outside
// the pool. The packet that led to the callback has been read.
[[nodiscard]] int enter_callback() noexcept;
// The command of that packet, '\0' if it cannot be known (the connection broke).
[[nodiscard]] char current_command() noexcept;
// The length of that packet, as it says itself: the command and its data.
[[nodiscard]] std::size_t current_length() noexcept;

// In a callback: libmilter writes an answer when the callback returns, and Events::answered follows when that is done.
// A connection that breaks meanwhile is closed instead.
void expect_answer() noexcept;

// Whether a message is being received: from a MAIL that was accepted to its answer, refusal or abort. A command that
// libmilter would drop ends the session (inserted_commands.h). Any thread.
void set_in_message(int descriptor, bool in_message) noexcept;

// libmilter is about to close the descriptor: forget it. Any thread.
void forget(int descriptor) noexcept;

} // namespace evermilter::session::libmilter

namespace evermilter::session {} // namespace evermilter::session
