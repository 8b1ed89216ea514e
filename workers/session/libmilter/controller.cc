// poll() as libmilter's pool controller calls it. It waits with poll(2) for the sessions that are listed and with two
// epolls for the others, and reports one session at a time; the dispatcher decides which.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <vector>

#include "workers/session/libmilter/shared.h"

namespace evermilter::session::libmilter {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
}

// What epoll reports of the watched sessions, about once each: one that floods must not hold the controller here.
void take_reports(Watch how) {
    Shared& all = shared();
    int left = 0;
    {
        const Lock lock;
        left = all.dispatcher.end();
    }
    std::array<epoll_event, 64> reports{};
    constexpr auto kMost = static_cast<int>(reports.size());
    int count = kMost;
    for (; count == kMost && left > 0; left -= count) {
        count = ::epoll_wait(all.sockets.epoll(how), reports.data(), kMost, 0);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = reports.at(static_cast<std::size_t>(i));
            const int descriptor = event.data.fd;
            const bool hung_up = (event.events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0;
            Lock lock;
            const PacketNotice notice = all.dispatcher.report(descriptor, hung_up, Clock::now());
            lock.unlock();
            tell(descriptor, notice);
        }
    }
}

void tick(const std::vector<int>& large) {
    for (const int descriptor : large) {
        Lock lock;
        const PacketNotice notice = shared().dispatcher.tick(descriptor, Clock::now());
        lock.unlock();
        tell(descriptor, notice);
    }
}

// A session that poll(2) names: whether libmilter is to hear of it.
bool name(int descriptor, short revents) {
    Lock lock;
    const Dispatcher::Naming naming = shared().dispatcher.name(descriptor, broken(revents), Clock::now());
    lock.unlock();
    tell(descriptor, naming.notice);
    return naming.reported;
}

// What poll(2) gets.
struct Polled {
    struct Origin {
        std::size_t index; // in libmilter's list
        bool session;      // ours to hold back
    };
    std::vector<pollfd> list; // as long as `origins`, and our own two epolls at the end
    std::vector<Origin> origins;
    std::vector<int> large; // packets that may stall
    bool under_way = false; // a session is on its way to a thread

    [[nodiscard]] pollfd& often() { return list.at(origins.size()); }
    [[nodiscard]] pollfd& seldom() { return list.at(origins.size() + 1); }
};

// libmilter's list, less the sessions that we watch. poll(2) looks at each entry of its list at each call, and the
// controller calls it several times a packet: thousands that are silent must not cost the few that are not.
void copy_list(const pollfd* list, nfds_t count, Polled& polled) {
    Shared& all = shared();
    polled.list.clear();
    polled.origins.clear();
    polled.large.clear();
    const auto now = Clock::now();
    const Lock lock;
    for (std::size_t i = 0; i < count; ++i) {
        switch (all.dispatcher.list(list[i].fd, now)) {
            case Dispatcher::Listing::foreign:
                polled.list.push_back(list[i]);
                polled.origins.push_back({i, false});
                break;
            case Dispatcher::Listing::polled:
                // Not POLLPRI: urgent data that is not read would be ready for ever.
                polled.list.push_back({list[i].fd, POLLIN, 0});
                polled.origins.push_back({i, true});
                break;
            case Dispatcher::Listing::watched:
                if (all.dispatcher.may_stall(list[i].fd)) polled.large.push_back(list[i].fd);
                break;
        }
    }
    polled.list.push_back({all.sockets.epoll(Watch::often), POLLIN, 0});
    polled.list.push_back({all.sockets.epoll(Watch::seldom), POLLIN, 0});
    polled.under_way = all.dispatcher.on_its_way().has_value();
}

bool has_ready_session(const Polled& polled) {
    for (std::size_t i = 0; i < polled.origins.size(); ++i)
        if (polled.origins[i].session && polled.list[i].revents != 0) return true;
    return false;
}

} // namespace

int poll_controller(pollfd* list, nfds_t count, int timeout_ms) {
    thread_local Polled polled;
    thread_local std::size_t start = 0;
    thread_local Clock::time_point last_tick;
    thread_local Clock::time_point last_seldom;
    shared().seen_controller.store(true, std::memory_order_relaxed);
    const auto until = Clock::now() + milliseconds(timeout_ms);
    for (std::size_t i = 0; i < count; ++i) list[i].revents = 0;
    for (;;) {
        copy_list(list, count, polled);
        auto next = !polled.large.empty() || polled.under_way ? std::min(until, Clock::now() + kTick) : until;
        if (Clock::now() - last_seldom < kTick) {
            polled.seldom().fd = -1;
            next = std::min(next, last_seldom + kTick);
        }
        const int ready = real_poll(polled.list.data(), polled.list.size(), milliseconds_until(next));
        if (ready < 0) return ready;
        // Usually a session is with its thread long before another is ready, and nobody need wait for that.
        if (ready == 0 || has_ready_session(polled)) wait_for_pick_up();
        if (polled.often().revents != 0) take_reports(Watch::often);
        if (polled.seldom().revents != 0) {
            take_reports(Watch::seldom);
            last_seldom = Clock::now();
        }
        if (!polled.large.empty() && Clock::now() - last_tick >= kTick) {
            tick(polled.large);
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
                if (one_let_through || !name(polled.list[i].fd, revents)) continue;
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

} // namespace evermilter::session::libmilter
