// poll() as libmilter's pool controller sees it: which session goes to a thread, and when.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "workers/session/packet_gate.h"
#include "workers/session/seam_state.h"

namespace evermilter::session::seam {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// A packet that does not grow although the client has more to send: its socket's buffer is full of tiny pieces
// (an AF_UNIX buffer holds 277 of one byte). From so many bytes on it is let through after two ticks.
constexpr std::size_t kStalledBytes = 128;

int milliseconds_until(Clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

// A watched packet has grown, or `tick`: if it need not be watched any more, poll(2) will name it next.
void look_again(int descriptor, bool hung_up, bool tick) {
    Seam& seam = the_seam();
    bool whole = false;
    {
        const std::lock_guard lock(seam.mutex);
        const auto found = seam.connections.find(descriptor);
        if (found == seam.connections.end() || !found->second.watched) return;
        Connection& connection = found->second;
        const PacketLook look = look_at_packet(descriptor);
        if (hung_up || look.state != PacketLook::State::partial) {
            whole = std::exchange(connection.packet_open, false);
            connection.stalled = hung_up; // nothing more will come
            unwatch(seam, descriptor, connection);
        } else if (look.available != std::exchange(connection.seen, look.available)) {
            connection.ticks = 0;
        } else if (tick && ++connection.ticks >= 2 && look.available >= kStalledBytes) {
            connection.stalled = true;
            unwatch(seam, descriptor, connection);
        }
    }
    if (whole) seam.events->packet_whole(descriptor);
}

void look_at_growth(bool tick) {
    Seam& seam = the_seam();
    std::array<epoll_event, 64> grown{};
    const int count = ::epoll_wait(seam.growth.get(), grown.data(), static_cast<int>(grown.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = grown.at(static_cast<std::size_t>(i));
        look_again(event.data.fd, (event.events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0, false);
    }
    if (!tick) return;
    std::vector<int> watched;
    {
        const std::lock_guard lock(seam.mutex);
        for (const auto& [descriptor, connection] : seam.connections)
            if (connection.watched) watched.push_back(descriptor);
    }
    for (const int descriptor : watched) look_again(descriptor, false, true);
}

// A session that poll(2) calls ready: lets it through, or watches its packet grow.
bool let_through(int descriptor, short revents) {
    Seam& seam = the_seam();
    bool begun = false;
    bool go = false;
    {
        const std::lock_guard lock(seam.mutex);
        const auto found = seam.connections.find(descriptor);
        if (found == seam.connections.end()) return true; // none of ours
        if (seam.dispatched >= 0) return false;           // the listener was quicker: next time
        Connection& connection = found->second;
        const PacketLook look = look_at_packet(descriptor);
        go = broken(revents) || connection.stalled || look.state != PacketLook::State::partial;
        if (!go) {
            epoll_event event{};
            event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
            event.data.fd = descriptor;
            connection.watched = ::epoll_ctl(seam.growth.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
            if (connection.watched) ++seam.watched;
            go = !connection.watched; // cannot be watched: a thread may wait for it
            connection.seen = look.available;
            connection.ticks = 0;
            begun = !std::exchange(connection.packet_open, true);
        }
        if (go) {
            connection.command = broken(revents) ? '\0' : look.command;
            connection.let_through = true;
            seam.dispatched = descriptor;
        }
    }
    if (begun) seam.events->packet_begun(descriptor);
    return go;
}

struct Polled {
    std::vector<pollfd> list;
    std::vector<bool> session; // which entries are ours to hold back
};

// libmilter's list, less the sessions whose packets we watch, and our own epoll at the end.
void copy_list(const pollfd* list, nfds_t count, Polled& polled) {
    Seam& seam = the_seam();
    polled.list.assign(list, list + count);
    polled.session.assign(count, false);
    const std::lock_guard lock(seam.mutex);
    for (std::size_t i = 0; i < count; ++i) {
        const auto found = seam.connections.find(list[i].fd);
        if (found == seam.connections.end()) continue;
        polled.session[i] = true;
        polled.list[i].events = POLLIN; // not POLLPRI: urgent data that is not read would be ready for ever
        if (found->second.watched) polled.list[i].fd = -1;
    }
    polled.list.push_back({seam.growth.get(), POLLIN, 0});
}

} // namespace

void wait_for_pick_up() {
    Seam& seam = the_seam();
    int given_up = -1;
    {
        std::unique_lock lock(seam.mutex);
        int ticks = 0;
        int waiting_for = seam.dispatched;
        while (seam.dispatched >= 0 && ticks < kTicksToPickUp) {
            if (seam.changed.wait_for(lock, kTick) == std::cv_status::timeout) ++ticks;
            if (std::exchange(waiting_for, seam.dispatched) != seam.dispatched) ticks = 0;
        }
        given_up = std::exchange(seam.dispatched, -1);
        if (given_up >= 0) seam.changed.notify_all();
    }
    if (given_up >= 0) seam.events->unserved(given_up);
}

void unwatch(Seam& seam, int descriptor, Connection& connection) {
    (void)::epoll_ctl(seam.growth.get(), EPOLL_CTL_DEL, descriptor, nullptr);
    connection.watched = false;
    --seam.watched;
}

int poll_controller(pollfd* list, nfds_t count, int timeout_ms) {
    Seam& seam = the_seam();
    thread_local Polled polled;
    thread_local std::size_t start = 0;
    thread_local Clock::time_point last_tick;
    const auto until = Clock::now() + milliseconds(timeout_ms);
    for (std::size_t i = 0; i < count; ++i) list[i].revents = 0;
    for (;;) {
        wait_for_pick_up();
        copy_list(list, count, polled);
        bool ticking = false;
        {
            const std::lock_guard lock(seam.mutex);
            ticking = seam.watched > 0;
        }
        const auto next = ticking ? std::min(until, Clock::now() + kTick) : until;
        const int ready = real_poll(polled.list.data(), polled.list.size(), milliseconds_until(next));
        if (ready < 0) return ready;
        const bool tick = ticking && Clock::now() - last_tick >= kTick;
        if (tick) last_tick = Clock::now();
        if (tick || polled.list.back().revents != 0) look_at_growth(tick);

        int reported = 0;
        bool one_let_through = false;
        for (std::size_t n = 0; n < count; ++n) {
            const std::size_t i = (start + n) % count;
            const short revents = polled.list[i].revents;
            if (revents == 0) continue;
            if (polled.session[i]) {
                if (one_let_through || !let_through(list[i].fd, revents)) continue;
                one_let_through = true;
                start = i + 1;
            }
            list[i].revents = revents;
            ++reported;
        }
        if (reported > 0) return reported;
        if (Clock::now() >= until) return 0;
    }
}

} // namespace evermilter::session::seam
