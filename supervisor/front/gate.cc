// The gate: one epoll set, one map by arrival, one timer. A descriptor that is refused by epoll(7) is closed.
#include "supervisor/front/gate.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {

namespace {

constexpr int kEventsPerTurn = 64;
constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::size_t kDiscarded = 16384;
// Expiries closer than this are handled together.
constexpr std::int64_t kExpiryGrain = 10'000'000;

bool would_block(int code) {
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

Protocol protocol_of(ProxyFault fault) {
    switch (fault) {
        case ProxyFault::missing:
            return Protocol::no_proxy_header;
        case ProxyFault::text:
            return Protocol::proxy_header_1;
        case ProxyFault::malformed:
            return Protocol::bad_proxy_header;
        case ProxyFault::too_long:
            return Protocol::long_proxy_header;
    }
    return Protocol::bad_proxy_header;
}

} // namespace

Gate::Gate(Loop* loop, std::size_t room, OnLeave on_leave)
    : room_(room),
      on_leave_(std::move(on_leave)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      readable_(loop, [this](int) { on_readable(); }),
      expiry_(loop, [this] { expire(); }) {
    if (epoll_) readable_.start(epoll_.get(), EV_READ);
}

void Gate::add(unique_fd connection, Peer peer, std::chrono::milliseconds timeout, First first) {
    const std::int64_t now = monotonic_ns();
    const std::int64_t deadline = now + std::chrono::nanoseconds(timeout).count();
    enter({std::move(connection), std::move(peer), now, deadline, first, true, {}});
}

void Gate::go_on(Leaving leaving) {
    enter({std::move(leaving.connection),
           std::move(leaving.peer),
           leaving.since_ns,
           leaving.deadline_ns,
           First::negotiation,
           true,
           {}});
}

void Gate::enter(Waiting waiting) {
    if (waiting_.size() >= room_) make_room();
    if (closed_) return; // maybe by what was displaced
    const std::uint64_t id = next_++;
    const int fd = waiting.connection.get();
    // Until a proxy has said whose it is, a connection is nobody's.
    if (waiting.first == First::negotiation) ++by_peer_[waiting.peer.key];
    const auto entry = waiting_.emplace_hint(waiting_.end(), id, std::move(waiting));

    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.u64 = id;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        log::error("gate-failed", {{"error", system_error("cannot watch a connection").what}});
        leave(entry, GateExit::displaced, Protocol::nothing, {});
        return;
    }
    if (expiry_ns_ == 0 || entry->second.deadline_ns < expiry_ns_) {
        expiry_ns_ = entry->second.deadline_ns;
        expiry_.start(std::chrono::nanoseconds(std::max<std::int64_t>(expiry_ns_ - monotonic_ns(), 0)));
    }
}

std::uint32_t Gate::of_peer(const std::string& key) const {
    const auto entry = by_peer_.find(key);
    return entry == by_peer_.end() ? 0 : entry->second;
}

std::vector<Gate::Guest> Gate::guests() const {
    std::vector<Guest> all;
    all.reserve(waiting_.size());
    for (const auto& [id, waiting] : waiting_) all.push_back({waiting.peer.text, waiting.peer.proxy, waiting.since_ns});
    return all;
}

void Gate::close() {
    expiry_.stop();
    expiry_ns_ = 0;
    closed_ = true;
    waiting_.clear(); // a closed descriptor leaves the epoll set by itself
    by_peer_.clear();
}

void Gate::on_readable() {
    std::array<epoll_event, kEventsPerTurn> events{};
    // on_leave may stop the service, which clears this map: look each entry up again.
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, 0);
    for (int index = 0; index < count; ++index) {
        const epoll_event& event = events.at(static_cast<std::size_t>(index));
        const std::uint64_t id = event.data.u64; // a copy: the structure is packed
        // It may have left the map meanwhile.
        if (const auto entry = waiting_.find(id); entry != waiting_.end()) look(entry, event.events);
    }
}

void Gate::look(Entries::iterator entry, std::uint32_t events) {
    if (entry->second.first == First::proxy_header) return read_header(entry, events);
    std::array<unsigned char, kGuessBytes> bytes{};
    const ssize_t got = ::recv(entry->second.connection.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) {
        if (would_block(errno) && (events & kEnd) == 0) return;
        leave(entry, GateExit::gone, Protocol::nothing, {});
        return;
    }
    const std::span<const unsigned char> seen(bytes.data(), static_cast<std::size_t>(got));
    std::string begin(seen.begin(), seen.end());
    const Protocol guess = guess_protocol(seen);
    if (guess == Protocol::negotiation) {
        leave(entry, GateExit::whole, guess, std::move(begin));
    } else if (guess != Protocol::undecided) {
        leave(entry, GateExit::refused, guess, std::move(begin));
    } else if (got == 0 || (events & kEnd) != 0) {
        leave(entry, GateExit::gone, guess_final(seen), std::move(begin));
    } else {
        entry->second.silent = false;
    }
}

// Asks the socket for no more than the header has, so that what follows stays there.
void Gate::read_header(Entries::iterator entry, std::uint32_t events) {
    std::string& header = entry->second.header;
    for (;;) {
        const ProxyRead read =
            read_proxy_header({reinterpret_cast<const unsigned char*>(header.data()), header.size()});
        if (const auto* fault = std::get_if<ProxyFault>(&read))
            return leave(entry, GateExit::refused, protocol_of(*fault), std::move(header));
        if (const auto* whole = std::get_if<ProxyHeader>(&read))
            return leave(entry, GateExit::forwarded, Protocol::undecided, std::move(header), *whole);
        const std::size_t before = header.size();
        header.resize(std::get<ProxyMore>(read).size);
        const ssize_t got =
            ::recv(entry->second.connection.get(), header.data() + before, header.size() - before, MSG_DONTWAIT);
        const int code = errno;
        header.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && would_block(code) && (events & kEnd) == 0) return;
        if (got <= 0) return leave_with_part(entry, GateExit::gone);
        entry->second.silent = false;
    }
}

// No more of its PROXY header will come.
void Gate::leave_with_part(Entries::iterator entry, GateExit exit) {
    std::string part = std::move(entry->second.header);
    const Protocol protocol = part.empty() ? Protocol::nothing : Protocol::half_proxy_header;
    leave(entry, exit, protocol, std::move(part));
}

void Gate::leave(Entries::iterator entry, GateExit exit, Protocol protocol, std::string begin,
                 const std::optional<ProxyHeader>& header) {
    Waiting waiting = std::move(entry->second);
    waiting_.erase(entry);
    if (waiting.first == First::negotiation) {
        const auto count = by_peer_.find(waiting.peer.key);
        if (count != by_peer_.end() && --count->second == 0) by_peer_.erase(count);
    }
    Leaving leaving{exit,   protocol,         std::move(waiting.peer), {}, std::move(begin),
                    header, waiting.since_ns, waiting.deadline_ns};
    if (exit == GateExit::whole || exit == GateExit::forwarded) {
        // epoll knows the open file, which lives on in the session worker: remove it explicitly.
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, waiting.connection.get(), nullptr);
        leaving.connection = std::move(waiting.connection);
    } else {
        // With unread bytes a close would be a reset, which looks like a broken network to the peer.
        std::array<char, kDiscarded> unread{};
        (void)::recv(waiting.connection.get(), unread.data(), unread.size(), MSG_DONTWAIT);
        waiting.connection.reset();
    }
    on_leave_(std::move(leaving));
}

void Gate::make_room() {
    auto entry = std::find_if(waiting_.begin(), waiting_.end(), [](const auto& one) { return one.second.silent; });
    if (entry == waiting_.end()) entry = waiting_.begin();
    if (entry != waiting_.end()) leave(entry, GateExit::displaced, Protocol::nothing, {});
}

void Gate::expire() {
    const std::int64_t due = monotonic_ns() + kExpiryGrain;
    expiry_ns_ = 0;
    std::vector<std::uint64_t> expired;
    for (const auto& [id, waiting] : waiting_) {
        if (waiting.deadline_ns <= due) {
            expired.push_back(id);
        } else if (expiry_ns_ == 0 || waiting.deadline_ns < expiry_ns_) {
            expiry_ns_ = waiting.deadline_ns;
        }
    }
    // on_leave may close the gate, which stops the timer again.
    if (expiry_ns_ != 0) expiry_.start(std::chrono::nanoseconds(expiry_ns_ - monotonic_ns()));
    for (const std::uint64_t id : expired) {
        const auto entry = waiting_.find(id);
        if (entry == waiting_.end()) continue;
        if (entry->second.first == First::proxy_header) {
            leave_with_part(entry, GateExit::timed_out);
            continue;
        }
        std::array<unsigned char, kGuessBytes> bytes{};
        const ssize_t got = ::recv(entry->second.connection.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
        const std::span<const unsigned char> seen(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
        leave(entry, GateExit::timed_out, guess_final(seen), std::string(seen.begin(), seen.end()));
    }
}

} // namespace evermilter::supervisor
