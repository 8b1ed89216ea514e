// poll() as libmilter's pool controller sees it: which session goes to a thread, and when.
#include <libmilter/mfdef.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "workers/session/libmilter/dispatcher_state.h"
#include "workers/session/libmilter/packet_peek.h"

namespace evermilter::session::seam {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// A packet that does not grow although the client has more to send: its socket's buffer is full of tiny pieces
// (an AF_UNIX buffer holds 277 of one byte). From so many bytes on it is let through after two ticks.
constexpr std::size_t kStalledBytes = 128;

// After so long without a packet a session leaves the list that poll(2) gets: more than there is between the packets of
// a message, less than between those of one that trickles. One that does trickle leaves it at once.
constexpr milliseconds kUntilAsleep{20};

int milliseconds_until(Clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

// The epoll tells of it from now on, once at least if it has something already. False if the kernel refuses.
bool add(const unique_fd& epoll, int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.fd = descriptor;
    return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

bool watch(Seam& seam, int descriptor, Connection& connection, Watch how) {
    if (!add(seam.watch, descriptor)) return false;
    connection.watch = how;
    return true;
}

// More has come of what is not to be served yet. If that has gone on for longer than it will now wait, it trickles:
// thousands of such sessions are not to wake the controller one by one. If the kernel refuses, they do.
void trickled(Seam& seam, int descriptor, Connection& connection) {
    const auto now = Clock::now();
    if (connection.begun == Clock::time_point{}) connection.begun = now;
    if (connection.seldom || now - connection.begun < kTick || !add(seam.seldom, descriptor)) return;
    connection.seldom = true;
    (void)::epoll_ctl(seam.watch.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

// How much of a begun packet is there. Only one of many bytes can stall.
void note_size(Seam& seam, Connection& connection, std::size_t available) {
    connection.seen = available;
    if (available < kStalledBytes || std::exchange(connection.may_stall, true)) return;
    ++seam.may_stall;
}

// A session that was silent has sent more of its headers, or of its body, and nothing else: nobody waits for an answer,
// and something must follow. Until it does, and until the next 512 bytes, no thread need be woken for a line.
bool can_wait(int descriptor, const Connection& connection) {
    const bool upload = connection.last == SMFIC_HEADER || connection.last == SMFIC_BODY;
    return connection.unanswered && upload && holds_only(descriptor, connection.last);
}

// Of a watched session epoll has told something, or it is `tick`: if it need not be watched any more, poll(2) will
// name it next.
void look_again(int descriptor, bool hung_up, bool tick) {
    Seam& seam = the_seam();
    bool whole = false;
    {
        const std::lock_guard lock(seam.mutex);
        Connection* const found = seam.connections.find(descriptor);
        if (found == nullptr || found->watch == Watch::listed) return;
        Connection& connection = *found;
        if (connection.watch == Watch::asleep) {
            if (!hung_up && can_wait(descriptor, connection)) return trickled(seam, descriptor, connection);
            connection.slow = Clock::now() - connection.silent_since >= kUntilAsleep;
            connection.woken = true;
            unwatch(seam, descriptor, connection);
            return;
        }
        const PacketLook look = look_at_packet(descriptor);
        if (hung_up || look.state != PacketLook::State::partial) {
            whole = std::exchange(connection.packet_open, false);
            connection.stalled = hung_up; // nothing more will come
            unwatch(seam, descriptor, connection);
        } else if (look.available != connection.seen) {
            note_size(seam, connection, look.available);
            connection.ticks = 0;
            trickled(seam, descriptor, connection);
        } else if (tick && ++connection.ticks >= 2) {
            connection.stalled = true;
            unwatch(seam, descriptor, connection);
        }
    }
    if (whole) seam.events.load()->packet_whole(descriptor);
}

// Each of them once or so: who floods must not hold the controller here.
void look_at_watched(const unique_fd& epoll) {
    Seam& seam = the_seam();
    int left = 0;
    {
        const std::lock_guard lock(seam.mutex);
        left = seam.connections.end();
    }
    std::array<epoll_event, 64> told{};
    constexpr auto kMost = static_cast<int>(told.size());
    int count = kMost;
    for (; count == kMost && left > 0; left -= count) {
        count = ::epoll_wait(epoll.get(), told.data(), kMost, 0);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = told.at(static_cast<std::size_t>(i));
            look_again(event.data.fd, (event.events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0, false);
        }
    }
}

// At each tick: those that may stall.
void look_at_large() {
    Seam& seam = the_seam();
    std::vector<int> large;
    {
        const std::lock_guard lock(seam.mutex);
        for (int descriptor = 0; descriptor < seam.connections.end(); ++descriptor) {
            const Connection* const found = seam.connections.find(descriptor);
            if (found != nullptr && found->may_stall) large.push_back(descriptor);
        }
    }
    for (const int descriptor : large) look_again(descriptor, false, true);
}

// A session that poll(2) calls ready: lets it through, or watches its packet grow.
bool let_through(int descriptor, short revents) {
    Seam& seam = the_seam();
    bool begun = false;
    bool go = false;
    {
        const std::lock_guard lock(seam.mutex);
        Connection* const found = seam.connections.find(descriptor);
        if (found == nullptr) return true;      // none of ours
        if (seam.dispatched >= 0) return false; // the listener was quicker: next time
        Connection& connection = *found;
        connection.silent_since = {};
        connection.woken = false;
        const PacketLook look = look_at_packet(descriptor);
        go = broken(revents) || connection.stalled || look.state != PacketLook::State::partial;
        if (!go) {
            go = !watch(seam, descriptor, connection, Watch::growing); // cannot be watched: a thread may wait for it
            if (!go) note_size(seam, connection, look.available);
            if (!go) connection.begun = Clock::now();
            connection.ticks = 0;
            begun = !std::exchange(connection.packet_open, true);
        }
        if (go) {
            connection.command = broken(revents) ? '\0' : look.command;
            connection.length = look.length;
            connection.let_through = true;
            seam.dispatched = descriptor;
        }
    }
    if (begun) seam.events.load()->packet_begun(descriptor);
    return go;
}

// What poll(2) gets.
struct Polled {
    struct Origin {
        std::size_t index; // in libmilter's list
        bool session;      // ours to hold back
    };
    std::vector<pollfd> list; // as long as `origins`, and our own two epolls at the end
    std::vector<Origin> origins;

    [[nodiscard]] pollfd& watch() { return list.at(origins.size()); }
    [[nodiscard]] pollfd& seldom() { return list.at(origins.size() + 1); }
};

// Is this session to be looked at by poll(2)? One that is silent for long, or was before its last packet, falls asleep.
bool is_listed(Seam& seam, int descriptor, Connection& connection, Clock::time_point now) {
    if (connection.watch != Watch::listed) return false;
    if (connection.woken) return true;
    if (connection.silent_since == Clock::time_point{}) connection.silent_since = now;
    const bool awake = !connection.slow && now - connection.silent_since < kUntilAsleep;
    return awake || !watch(seam, descriptor, connection, Watch::asleep);
}

// libmilter's list, less the sessions that we watch. poll(2) looks at each entry of its list at each call, and the
// controller calls it several times a packet: thousands that are silent must not cost the few that are not.
void copy_list(const pollfd* list, nfds_t count, Polled& polled) {
    Seam& seam = the_seam();
    polled.list.clear();
    polled.origins.clear();
    const auto now = Clock::now();
    const std::lock_guard lock(seam.mutex);
    for (std::size_t i = 0; i < count; ++i) {
        Connection* const found = seam.connections.find(list[i].fd);
        if (found == nullptr) {
            polled.list.push_back(list[i]);
        } else if (is_listed(seam, list[i].fd, *found, now)) {
            // Not POLLPRI: urgent data that is not read would be ready for ever.
            polled.list.push_back({list[i].fd, POLLIN, 0});
        } else {
            continue;
        }
        polled.origins.push_back({i, found != nullptr});
    }
    polled.list.push_back({seam.watch.get(), POLLIN, 0});
    polled.list.push_back({seam.seldom.get(), POLLIN, 0});
}

bool has_ready_session(const Polled& polled) {
    for (std::size_t i = 0; i < polled.origins.size(); ++i)
        if (polled.origins[i].session && polled.list[i].revents != 0) return true;
    return false;
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
            if (seam.picked_up.wait_for(lock, kTick) == std::cv_status::timeout) ++ticks;
            if (std::exchange(waiting_for, seam.dispatched) != seam.dispatched) ticks = 0;
        }
        given_up = seam.dispatched;
        if (given_up >= 0) next_may_go(seam);
    }
    if (given_up >= 0) seam.events.load()->unserved(given_up);
}

void next_may_go(Seam& seam) {
    seam.dispatched = -1;
    seam.picked_up.notify_all();
    if (!seam.offers.empty()) seam.offered.notify_all();
}

void unwatch(Seam& seam, int descriptor, Connection& connection) {
    const bool seldom = std::exchange(connection.seldom, false);
    (void)::epoll_ctl((seldom ? seam.seldom : seam.watch).get(), EPOLL_CTL_DEL, descriptor, nullptr);
    if (std::exchange(connection.may_stall, false)) --seam.may_stall;
    connection.watch = Watch::listed;
    connection.silent_since = {};
    connection.begun = {};
}

int poll_controller(pollfd* list, nfds_t count, int timeout_ms) {
    Seam& seam = the_seam();
    thread_local Polled polled;
    thread_local std::size_t start = 0;
    thread_local Clock::time_point last_tick;
    thread_local Clock::time_point last_seldom;
    seam.seen_controller.store(true, std::memory_order_relaxed);
    const auto until = Clock::now() + milliseconds(timeout_ms);
    for (std::size_t i = 0; i < count; ++i) list[i].revents = 0;
    for (;;) {
        copy_list(list, count, polled);
        bool ticking = false;
        bool under_way = false;
        {
            const std::lock_guard lock(seam.mutex);
            ticking = seam.may_stall > 0;
            under_way = seam.dispatched >= 0;
        }
        auto next = ticking || under_way ? std::min(until, Clock::now() + kTick) : until;
        if (Clock::now() - last_seldom < kTick) {
            polled.seldom().fd = -1;
            next = std::min(next, last_seldom + kTick);
        }
        const int ready = real_poll(polled.list.data(), polled.list.size(), milliseconds_until(next));
        if (ready < 0) return ready;
        // Usually a session is with its thread long before another is ready, and nobody need wait for that.
        if (ready == 0 || has_ready_session(polled)) wait_for_pick_up();
        if (polled.watch().revents != 0) look_at_watched(seam.watch);
        if (polled.seldom().revents != 0) {
            look_at_watched(seam.seldom);
            last_seldom = Clock::now();
        }
        if (ticking && Clock::now() - last_tick >= kTick) {
            look_at_large();
            last_tick = Clock::now();
        }

        int reported = 0;
        bool one_let_through = false;
        const std::size_t listed = polled.origins.size();
        for (std::size_t n = 0; n < listed; ++n) {
            const std::size_t i = (start + n) % listed;
            const short revents = polled.list[i].revents;
            if (revents == 0) continue;
            if (polled.origins[i].session) {
                if (one_let_through || !let_through(polled.list[i].fd, revents)) continue;
                one_let_through = true;
                start = i + 1;
            }
            list[polled.origins[i].index].revents = revents;
            ++reported;
        }
        if (reported > 0) return reported;
        if (Clock::now() >= until) return 0;
    }
}

} // namespace evermilter::session::seam
