#include "workers/session/libmilter/dispatcher.h"

#include <libmilter/mfdef.h>

namespace evermilter::session::libmilter {
namespace {

bool is_growing(const Connection& connection) {
    return connection.state == ConnectionState::growing || connection.state == ConnectionState::growing_seldom;
}

bool is_asleep(const Connection& connection) {
    return connection.state == ConnectionState::asleep || connection.state == ConnectionState::asleep_seldom;
}

} // namespace

std::optional<PacketNotice> Dispatcher::apply(int descriptor, Connection& connection, ConnectionEvent event) {
    const auto next = change(connection.state, event);
    if (!next) {
        if (!fault_) fault_ = {descriptor, connection.state, event};
        sockets_.shut_down(descriptor);
        return std::nullopt;
    }
    // The watch of the new state has been set up, because the kernel may refuse it.
    const Watch before = watch_of(connection.state);
    if (before != Watch::none && before != watch_of(next->to)) sockets_.unwatch(descriptor, before);
    if (watch_of(next->to) == Watch::none) connection.partial_since.reset();
    connection.state = next->to;
    return next->notice;
}

PacketNotice Dispatcher::notice_of(int descriptor, Connection& connection, ConnectionEvent event) {
    return apply(descriptor, connection, event).value_or(PacketNotice::none);
}

int Dispatcher::give_up() {
    const int descriptor = *std::exchange(on_its_way_, std::nullopt);
    if (Connection* const found = find(descriptor)) (void)apply(descriptor, *found, ConnectionEvent::given_up);
    return descriptor;
}

void Dispatcher::adopt(int descriptor, bool tcp) {
    Connection connection;
    connection.tcp = tcp;
    connections_.put(descriptor, std::move(connection));
}

bool Dispatcher::forget(int descriptor) {
    if (Connection* const found = find(descriptor)) {
        (void)apply(descriptor, *found, ConnectionEvent::forgotten);
        connections_.erase(descriptor);
    }
    if (on_its_way_ != descriptor) return false;
    on_its_way_.reset();
    return true;
}

Dispatcher::Listing Dispatcher::list(int descriptor, Time now) {
    Connection* const found = find(descriptor);
    if (found == nullptr) return Listing::foreign;
    Connection& connection = *found;
    if (connection.state == ConnectionState::served) (void)apply(descriptor, connection, ConnectionEvent::returned);
    if (connection.state == ConnectionState::woken || connection.state == ConnectionState::stalled)
        return Listing::polled;
    if (connection.state != ConnectionState::listed) return Listing::watched;
    if (!connection.silent_since) connection.silent_since = now;
    const bool awake = connection.pace == Pace::quick && now - *connection.silent_since < kUntilAsleep;
    if (awake || !sockets_.watch(descriptor, Watch::often)) return Listing::polled;
    (void)apply(descriptor, connection, ConnectionEvent::silent);
    return Listing::watched;
}

Dispatcher::Naming Dispatcher::name(int descriptor, bool broken, Time now) {
    Connection* const found = find(descriptor);
    if (found == nullptr) return {true, PacketNotice::none};
    if (on_its_way_) return {}; // the listener was quicker: next time
    Connection& connection = *found;
    connection.silent_since.reset();
    const PacketLook look = sockets_.look(descriptor);
    PacketNotice notice = PacketNotice::none;
    if (!broken && connection.state != ConnectionState::stalled && look.state == PacketLook::State::partial) {
        connection.seen = look.available;
        connection.ticks = 0;
        if (sockets_.watch(descriptor, Watch::often)) {
            connection.partial_since = now;
            return {false, notice_of(descriptor, connection, ConnectionEvent::begun)};
        }
        notice = notice_of(descriptor, connection, ConnectionEvent::unwatchable);
    }
    connection.command = broken ? '\0' : look.command;
    connection.length = look.length;
    if (!apply(descriptor, connection, ConnectionEvent::let_through)) return {};
    on_its_way_ = descriptor;
    return {true, notice};
}

PacketNotice Dispatcher::report(int descriptor, bool hung_up, Time now) {
    Connection* const found = find(descriptor);
    if (found == nullptr) return PacketNotice::none;
    Connection& connection = *found;
    if (is_growing(connection)) return look_at_growing(descriptor, connection, hung_up, false, now);
    if (!is_asleep(connection)) return PacketNotice::none; // reported by both epolls in one round
    if (!hung_up && can_wait(descriptor, connection)) return trickle(descriptor, connection, now);
    connection.pace =
        connection.silent_since && now - *connection.silent_since < kUntilAsleep ? Pace::quick : Pace::slow;
    connection.silent_since.reset();
    return notice_of(descriptor, connection, ConnectionEvent::reported);
}

bool Dispatcher::may_stall(int descriptor) {
    const Connection* const found = find(descriptor);
    return found != nullptr && is_growing(*found) && found->seen >= kStalledBytes;
}

PacketNotice Dispatcher::tick(int descriptor, Time now) {
    Connection* const found = find(descriptor);
    if (found == nullptr || !is_growing(*found)) return PacketNotice::none;
    return look_at_growing(descriptor, *found, false, true, now);
}

PacketNotice Dispatcher::look_at_growing(int descriptor, Connection& connection, bool hung_up, bool ticked, Time now) {
    const PacketLook look = sockets_.look(descriptor);
    if (look.state != PacketLook::State::partial) return notice_of(descriptor, connection, ConnectionEvent::completed);
    if (hung_up) return notice_of(descriptor, connection, ConnectionEvent::stuck);
    if (look.available != connection.seen) {
        connection.seen = look.available;
        connection.ticks = 0;
        return trickle(descriptor, connection, now);
    }
    if (ticked && ++connection.ticks >= 2) return notice_of(descriptor, connection, ConnectionEvent::stuck);
    return PacketNotice::none;
}

// More has come of what is not to be served yet. If that has gone on for longer than it will now wait, it trickles:
// thousands of such sessions are not to wake the controller one by one. If the kernel refuses, they do.
PacketNotice Dispatcher::trickle(int descriptor, Connection& connection, Time now) {
    if (!connection.partial_since) connection.partial_since = now;
    if (watch_of(connection.state) == Watch::seldom || now - *connection.partial_since < kTick ||
        !sockets_.watch(descriptor, Watch::seldom))
        return PacketNotice::none;
    return notice_of(descriptor, connection, ConnectionEvent::trickled);
}

// A session that was silent has sent more of its headers, or of its body, and nothing else: nobody waits for an answer,
// and something must follow. Until it does, and until the next 512 bytes, no thread need be woken for a line.
bool Dispatcher::can_wait(int descriptor, const Connection& connection) {
    const bool upload = connection.last == SMFIC_HEADER || connection.last == SMFIC_BODY;
    return connection.unanswered && upload && sockets_.holds_only(descriptor, connection.last);
}

Dispatcher::Turn Dispatcher::take_turn(int descriptor) {
    Connection& connection = *find(descriptor);
    Turn turn;
    if (on_its_way_ == descriptor) {
        on_its_way_.reset();
        turn.may_go = true;
    }
    switch (connection.state) {
        case ConnectionState::dispatched:
        case ConnectionState::dispatched_part:
            turn.packet_there = true;
            [[fallthrough]];
        case ConnectionState::accepted:
        case ConnectionState::unserved:
            turn.notice = notice_of(descriptor, connection, ConnectionEvent::picked_up);
            break;
        case ConnectionState::listed:
        case ConnectionState::asleep:
        case ConnectionState::asleep_seldom:
        case ConnectionState::woken:
        case ConnectionState::growing:
        case ConnectionState::growing_seldom:
        case ConnectionState::stalled:
        case ConnectionState::served:
        case ConnectionState::reading:
        case ConnectionState::gone:
            turn.notice = notice_of(descriptor, connection, ConnectionEvent::has_read);
            break;
    }
    return turn;
}

PacketNotice Dispatcher::wait_for_rest(int descriptor) {
    Connection* const found = find(descriptor);
    return found == nullptr ? PacketNotice::none : notice_of(descriptor, *found, ConnectionEvent::waits);
}

PacketNotice Dispatcher::end_packet(int descriptor) {
    Connection* const found = find(descriptor);
    return found == nullptr ? PacketNotice::none : notice_of(descriptor, *found, ConnectionEvent::has_read);
}

} // namespace evermilter::session::libmilter
