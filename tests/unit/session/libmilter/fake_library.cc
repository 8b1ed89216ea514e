// See fake_library.h.
#include "tests/unit/session/libmilter/fake_library.h"

#include <algorithm>
#include <string>

namespace evermilter::session::libmilter {

void FakeSockets::send(int descriptor, std::size_t packet, std::size_t bytes) {
    Socket& socket = at(descriptor);
    if (socket.hung_up || bytes == 0) return;
    if (socket.packet == 0) socket.packet = packet;
    const std::size_t before = socket.available;
    socket.available = std::min(socket.packet, before + bytes);
    socket.edge = socket.edge || socket.available != before;
}

void FakeSockets::hang_up(int descriptor) {
    at(descriptor).hung_up = true;
    at(descriptor).edge = true;
}

std::vector<int> FakeSockets::reports(Watch how) {
    std::vector<int> all;
    for (auto& [descriptor, socket] : sockets_)
        if (watches_.contains({descriptor, how}) && std::exchange(socket.edge, false)) all.push_back(descriptor);
    return all;
}

PacketLook FakeSockets::look(int descriptor) {
    const Socket& socket = at(descriptor);
    PacketLook look;
    look.available = socket.available;
    look.length = socket.packet;
    if (socket.available == 0)
        look.state = socket.hung_up ? PacketLook::State::ended : PacketLook::State::nothing;
    else
        look.state = socket.available < socket.packet ? PacketLook::State::partial : PacketLook::State::whole;
    if (look.state == PacketLook::State::whole) look.command = 'L';
    return look;
}

bool FakeSockets::holds_only(int descriptor, char /*command*/) {
    const Socket& socket = at(descriptor);
    return socket.only_headers && socket.packet > 0 && socket.available == socket.packet;
}

bool FakeSockets::watch(int descriptor, Watch how) {
    if (refuse_) return false;
    if (!watches_.emplace(descriptor, how).second) ++wrong_watches;
    Socket& socket = at(descriptor);
    socket.edge = socket.edge || socket.available > 0 || socket.hung_up;
    return true;
}

void FakeSockets::unwatch(int descriptor, Watch how) {
    if (watches_.erase({descriptor, how}) == 0) ++wrong_watches;
}

void FakeSockets::shut_down(int descriptor) {
    at(descriptor).shut_down = true;
    hang_up(descriptor);
}

bool FakeLibrary::accept(int descriptor) {
    if (taken_ || sockets.has(descriptor) || ended.contains(descriptor)) return false;
    sockets.open(descriptor);
    dispatcher.reserve(descriptor);
    dispatcher.adopt(descriptor, false);
    taken_ = descriptor;
    return true;
}

void FakeLibrary::hear(int descriptor, PacketNotice notice) {
    const std::string number = std::to_string(descriptor);
    if (notice == PacketNotice::begun && !open_.insert(descriptor).second) wrong.push_back("begun twice: " + number);
    if (notice == PacketNotice::whole && open_.erase(descriptor) == 0) wrong.push_back("never begun: " + number);
}

void FakeLibrary::check_faults() {
    if (const auto fault = dispatcher.take_fault())
        wrong.push_back(std::string("fault: ") + state_name(fault->state) + " × " + event_name(fault->event));
    if (sockets.wrong_watches > 0) wrong.emplace_back("a watch that was set twice or never");
}

void FakeLibrary::controller_turns() {
    std::vector<int> ready;
    std::vector<int> large;
    for (const int descriptor : waiting_) {
        switch (dispatcher.list(descriptor, now)) {
            case Dispatcher::Listing::foreign:
                wrong.emplace_back("a session that is not known");
                break;
            case Dispatcher::Listing::polled:
                if (sockets.is_ready(descriptor)) ready.push_back(descriptor);
                break;
            case Dispatcher::Listing::watched:
                if (dispatcher.may_stall(descriptor)) large.push_back(descriptor);
                break;
        }
    }
    const auto report = [&](Watch how) {
        for (const int descriptor : sockets.reports(how))
            hear(descriptor, dispatcher.report(descriptor, sockets.at(descriptor).hung_up, now));
    };
    report(Watch::often);
    if (now - last_seldom_ >= kTick) {
        report(Watch::seldom);
        last_seldom_ = now;
    }
    if (now - last_tick_ >= kTick) {
        for (const int descriptor : large) hear(descriptor, dispatcher.tick(descriptor, now));
        last_tick_ = now;
    }
    name(ready);
    check_faults();
}

void FakeLibrary::name(const std::vector<int>& ready) {
    for (std::size_t n = 0; n < ready.size(); ++n) {
        const int descriptor = ready.at((start_ + n) % ready.size());
        const FakeSockets::Socket& socket = sockets.at(descriptor);
        const Dispatcher::Naming naming = dispatcher.name(descriptor, socket.hung_up, now);
        hear(descriptor, naming.notice);
        if (!naming.reported) continue;
        if (taken_) wrong.emplace_back("two sessions on their way at once");
        if (threads_.contains(descriptor)) wrong.emplace_back("a session with two threads");
        waiting_.erase(descriptor);
        taken_ = descriptor;
        start_ += n + 1;
        return;
    }
}

void FakeLibrary::thread_takes() {
    if (!taken_) return;
    const int descriptor = *std::exchange(taken_, std::nullopt);
    const Dispatcher::Turn turn = dispatcher.take_turn(descriptor);
    if (!turn.may_go) wrong.emplace_back("the next may not go");
    hear(descriptor, turn.notice);
    threads_.insert(descriptor);
    check_faults();
}

void FakeLibrary::no_thread_takes() {
    if (!taken_) return;
    const int descriptor = *std::exchange(taken_, std::nullopt);
    if (dispatcher.give_up() != descriptor) wrong.emplace_back("another was given up");
    close(descriptor);
    check_faults();
}

void FakeLibrary::thread_goes_on(int descriptor) {
    if (!threads_.contains(descriptor)) return;
    FakeSockets::Socket& socket = sockets.at(descriptor);
    if (socket.available > 0 && socket.available < socket.packet && !socket.hung_up &&
        is_packet_open(state(descriptor))) {
        hear(descriptor, dispatcher.wait_for_rest(descriptor)); // it has begun to read it
    } else if (socket.available > 0 && socket.available == socket.packet) {
        socket.available = socket.packet = 0; // whole: read, and its callback begins
        dispatcher.find(descriptor)->last = 'L';
        hear(descriptor, dispatcher.end_packet(descriptor));
    } else if (socket.hung_up) {
        close(descriptor);
    } else {
        const Dispatcher::Turn turn = dispatcher.take_turn(descriptor); // nothing more: back to the controller
        hear(descriptor, turn.notice);
        if (turn.may_go) wrong.emplace_back("a session on its way that has a thread");
        threads_.erase(descriptor);
        waiting_.insert(descriptor);
    }
    check_faults();
}

void FakeLibrary::close(int descriptor) {
    ++ended[descriptor];
    if (dispatcher.forget(descriptor)) wrong.emplace_back("a closed session was on its way");
    (void)dispatcher.forget(descriptor);
    threads_.erase(descriptor);
    waiting_.erase(descriptor);
    open_.erase(descriptor);
    sockets.close(descriptor);
}

} // namespace evermilter::session::libmilter
