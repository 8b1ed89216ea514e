// poll() as the threads of libmilter's pool call it, and what the callbacks ask of the thread that they run in: which
// session it has, which packet led to them.
#include <libmilter/mfdef.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/session/libmilter/packet_peek.h"
#include "workers/session/libmilter/shared.h"

namespace evermilter::session::libmilter {
namespace {

constexpr std::size_t kCommandOffset = 4; // behind the length

thread_local int t_descriptor = -1; // the session of the callbacks that follow
thread_local char t_command = '\0'; // of the packet that led to them
thread_local std::size_t t_length = 0;
thread_local bool t_packet_open = false; // the session has heard that the packet has begun
thread_local int t_answering = -1;       // expect_answer() was called for it

// Acknowledge what came at once, not 40 ms later; not sticky, so before each read (tcp(7)).
void acknowledge(int descriptor) {
    int on = 1;
    (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

// The command that libmilter will read next is known: gives it those first without which it would drop this one.
// Returns the command that it will read. On an Error it would drop it without an answer: the session is lost.
Result<char> complete(int descriptor, Connection& connection, char command) {
    if (command == SMFIC_MACRO || command == '\0') return command;
    if (command == SMFIC_OPTNEG) connection.unanswered = offers_no_replies(descriptor);
    if (connection.inserted) {
        connection.last = command;
        return command;
    }
    if (is_dropped(connection.last, connection.in_message, command)) return Error{0, "a command out of order"};
    const MissingCommands missing = missing_commands(connection.last, command);
    if (missing.packets.empty()) {
        connection.last = command;
        return command;
    }
    auto inserted = InsertedCommands::begin(descriptor, missing.packets);
    if (!inserted) return std::move(inserted).error();
    connection.inserted.emplace(std::move(*inserted));
    if (missing.takes_command) connection.inserted->skip_packet();
    connection.last = missing.packets.at(kCommandOffset);
    return connection.last;
}

// After inserted commands the connection is libmilter's again. On an Error it cannot be: the session is lost.
Result<void> end_inserted(int descriptor, Connection& connection) {
    if (!connection.inserted || !connection.inserted->over(descriptor)) return {};
    auto ended = connection.inserted->end(descriptor);
    connection.inserted.reset();
    return ended;
}

// Lets libmilter read the end of a session that cannot go on.
int lose(pollfd* one, const Error& why) {
    (void)::shutdown(one->fd, SHUT_RDWR);
    t_command = '\0';
    one->revents = POLLHUP;
    shared().events.load()->out_of_step(one->fd, "a command that libmilter would not answer");
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

// libmilter reads this packet next.
int hand_over(pollfd* one, const Result<char>& command, std::size_t length) {
    if (!command) return lose(one, command.error());
    t_command = *command;
    t_length = length;
    one->revents = POLLIN;
    return 1;
}

// Waits for the next packet, no longer than `timeout_ms`. One that is not whole yet is left to the controller.
int poll_for_next(pollfd* one, int timeout_ms) {
    const int descriptor = one->fd;
    const int ready = real_poll(one, 1, timeout_ms);
    t_command = '\0';
    if (ready <= 0 || broken(one->revents)) return ready;
    const PacketLook look = look_at_packet(descriptor);
    if (look.state == PacketLook::State::ended) return ready;
    if (look.state != PacketLook::State::whole) {
        one->revents = 0;
        return 0;
    }
    Result<char> command = look.command;
    {
        const Lock lock;
        if (Connection* const found = shared().dispatcher.find(descriptor); found != nullptr)
            command = complete(descriptor, *found, look.command);
    }
    return hand_over(one, command, look.length);
}

} // namespace

// engine.c, mi_rd_socket_ready: is there another packet to be read within a millisecond? Of a slow session there is
// not, and a thread that waited for it would be missing elsewhere. Also the first call of a thread that has taken a
// session.
int poll_between_packets(pollfd* one, int timeout_ms) {
    Shared& all = shared();
    const int descriptor = one->fd;
    all.seen_pool.store(true, std::memory_order_relaxed);
    if (std::exchange(t_answering, -1) == descriptor) all.events.load()->answered(descriptor);
    Lock lock;
    Connection* const found = all.dispatcher.find(descriptor);
    if (found == nullptr) {
        lock.unlock();
        return poll_forgotten(one, timeout_ms);
    }
    Connection& connection = *found;
    t_descriptor = descriptor;
    const Dispatcher::Turn turn = all.dispatcher.take_turn(descriptor);
    if (turn.may_go) let_next_go();
    t_packet_open = is_packet_open(connection.state);
    if (turn.packet_there) {
        const auto command = complete(descriptor, connection, connection.command);
        const std::size_t length = connection.length;
        lock.unlock();
        return hand_over(one, command, length);
    }
    const bool tcp = connection.tcp;
    const int wait_ms = connection.pace == Pace::slow ? 0 : timeout_ms;
    const auto ended = end_inserted(descriptor, connection);
    lock.unlock();
    tell(descriptor, turn.notice);
    if (!ended) return lose(one, ended.error());
    if (tcp) acknowledge(descriptor);
    return poll_for_next(one, wait_ms);
}

// Within a packet, or before a reply is written. Usually there is nothing to wait for.
int poll_within_packet(pollfd* one, int timeout_ms) {
    Shared& all = shared();
    const bool reading = (one->events & POLLIN) != 0;
    int ready = real_poll(one, 1, 0);
    if (ready == 0) {
        if (reading) {
            Lock lock;
            const Connection* const found = all.dispatcher.find(one->fd);
            if (found != nullptr && found->tcp) acknowledge(one->fd);
            const PacketNotice notice = all.dispatcher.wait_for_rest(one->fd);
            lock.unlock();
            tell(one->fd, notice);
            t_packet_open = true;
        }
        // For a read, the stage clock shuts the connection down when timeouts.packet is over; this is the second line.
        const auto longest = static_cast<int>(all.packet.count()) + (reading ? 1000 : 0);
        ready = real_poll(one, 1, timeout_ms < 0 ? longest : std::min(timeout_ms, longest));
    }
    if (ready <= 0 || broken(one->revents)) t_command = '\0';
    return ready;
}

int enter_callback() noexcept {
    if (std::exchange(t_packet_open, false)) {
        Lock lock;
        const PacketNotice notice = shared().dispatcher.end_packet(t_descriptor);
        lock.unlock();
        tell(t_descriptor, notice);
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
    const Lock lock;
    Connection* const found = shared().dispatcher.find(descriptor);
    if (found != nullptr) found->in_message = in_message;
}

void forget(int descriptor) noexcept {
    if (t_answering == descriptor) t_answering = -1;
    const Lock lock;
    if (shared().dispatcher.forget(descriptor)) let_next_go();
}

} // namespace evermilter::session::libmilter
