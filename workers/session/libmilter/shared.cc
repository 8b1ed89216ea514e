#include "workers/session/libmilter/shared.h"

#include <ctime>
#include <exception>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::session::libmilter {

Shared& shared() {
    static auto* const one = new Shared; // NOLINT(cppcoreguidelines-owning-memory)
    return *one;
}

void Lock::unlock() noexcept {
    if (!lock_.owns_lock()) return;
    const auto fault = shared().dispatcher.take_fault();
    lock_.unlock();
    if (!fault) return;
    try {
        log::error("connection-fault", {{"state", state_name(fault->state)}, {"event", event_name(fault->event)}});
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the connection is closed all the same
    }
}

void let_next_go() {
    shared().picked_up.notify_all();
    if (!shared().offers.empty()) shared().offered.notify_all();
}

void wait_for_pick_up() {
    Shared& all = shared();
    int given_up = -1;
    {
        Lock lock;
        int ticks = 0;
        auto waiting_for = all.dispatcher.on_its_way();
        while (all.dispatcher.on_its_way() && ticks < kTicksToPickUp) {
            if (all.picked_up.wait_for(lock.mutex(), kTick) == std::cv_status::timeout) ++ticks;
            if (std::exchange(waiting_for, all.dispatcher.on_its_way()) != waiting_for) ticks = 0;
        }
        if (all.dispatcher.on_its_way()) {
            given_up = all.dispatcher.give_up();
            let_next_go();
        }
    }
    if (given_up >= 0) all.events.load()->unserved(given_up);
}

void tell(int descriptor, PacketNotice notice) {
    switch (notice) {
        case PacketNotice::none:
            break;
        case PacketNotice::begun:
            shared().events.load()->packet_begun(descriptor);
            break;
        case PacketNotice::whole:
            shared().events.load()->packet_whole(descriptor);
            break;
    }
}

int real_poll(pollfd* list, nfds_t count, int timeout_ms) {
    timespec wait{};
    wait.tv_sec = timeout_ms / 1000;
    wait.tv_nsec = static_cast<long>(timeout_ms % 1000) * 1'000'000;
    return ::ppoll(list, count, timeout_ms < 0 ? nullptr : &wait, nullptr);
}

} // namespace evermilter::session::libmilter
