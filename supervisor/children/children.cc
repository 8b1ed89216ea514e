#include "supervisor/children/children.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <limits>

#include "supervisor/children/roles.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// Messages of one child that are gathered in one turn of the loop.
constexpr int kMessagesPerTurn = 64;
// More than a channel's buffer holds (256 of the smallest are in it when it is full). Another process may hold the
// channel of one that is dead, and go on sending.
constexpr int kMessagesPending = 1024;
// Deaths that are worked off in one turn of the loop.
constexpr int kDeathsPerTurn = 64;

} // namespace

struct Children::Watched {
    Watched(Loop* loop, double budget, std::int64_t now, std::function<void(int)> ready, std::function<void()> overdue)
        : rare(budget), rare_ns(now), io(loop, std::move(ready)), end_timer(loop, std::move(overdue)) {}
    pid_t pid = 0;
    double rare; // messages that it may still say, as of rare_ns
    std::int64_t rare_ns;
    bool silent = false; // ChildSilent was added: nothing is read any more
    IoWatcher io;
    TimerWatcher end_timer;
};

Children::Children(Loop* loop, std::uint64_t& next_id, Processes& processes, Handlers handlers, Clock clock)
    : loop_(loop),
      next_id_(next_id),
      processes_(processes),
      handlers_(std::move(handlers)),
      clock_(std::move(clock)),
      child_signal_(loop, SIGCHLD, [this] { look_for_dead(); }),
      turn_(loop, [this] { work_off(); }),
      again_(loop, [] {}) {}

Children::~Children() = default;

void Children::own(messages::Role role, ChildOwner& owner) {
    owners_.at(static_cast<std::size_t>(role)) = &owner;
}

ChildOwner* Children::owner_of(const Child& child) const {
    return owners_.at(static_cast<std::size_t>(child.role));
}

template <class Do>
void Children::each_owner(Do what) const {
    for (auto owner = owners_.begin(); owner != owners_.end(); ++owner)
        if (*owner != nullptr && std::find(owners_.begin(), owner, *owner) == owner) what(**owner);
}

Child* Children::find(std::uint64_t id) const {
    for (ChildOwner* owner : owners_) {
        Child* child = owner == nullptr ? nullptr : owner->find(id);
        if (child != nullptr) return child;
    }
    return nullptr;
}

Result<void> Children::start(Child& child, messages::Role role, const Identities& identities) {
    auto ends = seqpacket_pair(Blocking::no, Blocking::no);
    if (!ends) return std::move(ends).error();
    auto pid = processes_.start(role, identities, ends->second.get());
    if (!pid) return std::move(pid).error();
    watch(child, role, *pid, std::move(ends->first));
    log::debug("child-started", {{"child", messages::role_name(role)}, {"child_pid", *pid}});
    return {};
}

void Children::watch(Child& child, messages::Role role, pid_t pid, unique_fd channel) {
    child = Child{};
    child.id = next_id_++;
    child.role = role;
    child.pid = pid;
    child.started_ns = clock_();
    child.channel = PacketChannel(std::move(channel));
    if (pid != 0) pid_is_taken(pid);
    const std::uint64_t id = child.id;
    auto watched = std::make_unique<Watched>(
        loop_, row_of(role).budget.at_once, child.started_ns, [this, id](int) { readable(id); },
        [this, id] {
            if (Child* late = find(id)) kill(*late, "its channel ended and it did not");
        });
    watched->pid = pid;
    watched->io.start(child.channel.fd(), EV_READ);
    watched_.emplace(id, std::move(watched));
}

// Whoever was said to have the pid of a process that we have just forked is no more.
void Children::pid_is_taken(pid_t pid) {
    for (auto& [id, watched] : watched_) {
        if (watched->pid != pid) continue;
        watched->pid = 0;
        Child* former = find(id);
        if (former == nullptr) continue;
        former->pid = 0;
        events_.add(ChildEnded{id, 0, 0});
    }
}

Result<unique_fd> Children::expect(Child& child, messages::Role role) {
    auto ends = seqpacket_pair(Blocking::no, Blocking::no);
    if (!ends) return std::move(ends).error();
    watch(child, role, 0, std::move(ends->first));
    child.greeted = true; // no exec, so no other protocol
    return std::move(ends->second);
}

void Children::forked(Child& child, pid_t pid) {
    child.pid = pid;
    const auto found = watched_.find(child.id);
    if (found != watched_.end()) found->second->pid = pid;
    static_cast<void>(apply(child, ChildChange::ready));
}

void Children::ended(Child& child, int wait_status) {
    static_cast<void>(hear(child));
    events_.add(ChildEnded{child.id, child.pid, wait_status});
}

void Children::send_packet(Child& child, Result<codec::Packet> packet) {
    auto sent = packet ? child.channel.send_packet(std::move(*packet)) : Result<void>(std::move(packet).error());
    if (sent) {
        update_watcher(child);
        return;
    }
    // EPIPE: it is ending; what it had sent is still to be read, and its exit will come.
    if (sent.error().code != EPIPE && sent.error().code != ECONNRESET) kill(child, sent.error().what);
}

void Children::send_to_any(Child& child, const messages::ToAnyChild& message) {
    if (child.channel.open()) send_packet(child, codec::encode<messages::ToAnyChild>(message));
}

void Children::send_to_all(const messages::ToAnyChild& message) {
    for (const std::uint64_t id : ids())
        if (Child* child = find(id)) send_to_any(*child, message);
}

void Children::ping(Child& child, std::uint64_t serial) {
    if (!child.channel.open()) return;
    ++child.unanswered;
    send_to_any(child, messages::Ping{serial});
}

std::vector<std::uint64_t> Children::ids() const {
    std::vector<std::uint64_t> all;
    all.reserve(watched_.size());
    for (const auto& [id, watched] : watched_)
        if (watched->pid != 0) all.push_back(id); // one that is only expected has nobody to answer
    return all;
}

bool Children::apply(Child& child, ChildChange event) {
    if (const auto state = next(child.state, event)) {
        child.state = *state;
        child.was_ready = child.was_ready || event == ChildChange::ready;
        return true;
    }
    kill(child, std::string("\"") + name(event) + "\" has no place in state " + name(child.state));
    return false;
}

void Children::kill(Child& child, const std::string& reason) {
    if (child.pid <= 0 || !child.kill_reason.empty()) return;
    log::warning("child-killed",
                 {{"child", messages::role_name(child.role)}, {"child_pid", child.pid}, {"reason", reason}});
    child.kill_reason = reason; // first: a state that has no place for it does not kill again
    static_cast<void>(apply(child, ChildChange::kill));
    if (row_of(child.role).origin == Origin::executed) {
        processes_.kill(child.pid);
        return;
    }
    const ChildOwner* owner = owner_of(child);
    kill_descendant(owner == nullptr ? 0 : owner->parent_of(child), child.pid);
}

// SIGKILL to what a child of ours has forked, whether that lives or not.
void Children::kill_descendant(pid_t parent, pid_t pid) {
    const pid_t actual = processes_.parent_of(pid);
    if (actual == processes_.own_pid() || (parent > 0 && actual == parent)) processes_.kill(pid);
}

void Children::update_watcher(Child& child) {
    const auto found = watched_.find(child.id);
    if (found == watched_.end()) return;
    if (!child.channel.open() || found->second->silent) {
        found->second->io.stop();
        return;
    }
    found->second->io.start(child.channel.fd(), child.channel.wants_write() ? EV_READ | EV_WRITE : EV_READ);
}

// ---------------------------------------------------------------- gathered

void Children::readable(std::uint64_t id) {
    Child* child = find(id);
    if (child == nullptr) return;
    if (child->channel.wants_write()) {
        auto flushed = child->channel.flush();
        if (!flushed && flushed.error().code != EPIPE) kill(*child, flushed.error().what);
    }
    static_cast<void>(gather(*child, kMessagesPerTurn));
    update_watcher(*child);
}

bool Children::hear(Child& child) {
    const bool open = gather(child, kMessagesPending);
    update_watcher(child);
    return open;
}

// False: nothing more will come.
bool Children::gather(Child& child, int most) {
    const auto found = watched_.find(child.id);
    if (found == watched_.end() || found->second->silent || !child.channel.open()) return false;
    const auto silent = [&](std::string fault) {
        found->second->silent = true;
        events_.add(ChildSilent{child.id, std::move(fault)});
        return false;
    };
    const ChildOwner* owner = owner_of(child);
    if (owner == nullptr) return silent("its role has no owner");
    for (int count = 0; count < most; ++count) {
        auto received = receive_packet(child.channel.fd());
        if (!received) return silent(received.error().what);
        if (received->kind == ReceivedKind::would_block) return true;
        if (received->kind == ReceivedKind::end) return silent({});
        auto message = owner->decode(received->message.bytes, std::move(received->message.descriptors));
        if (!message) return silent(message.error().what);
        // That it lives is known now, whatever else is to be worked off.
        if (child.greeted && message->pong() != nullptr)
            child.unanswered = 0;
        else if (row_of(child.role).only_pongs) // else it might be taken as said in its next role
            return silent(std::string("a ") + messages::role_name(child.role) + " only answers pings");
        else
            events_.add(ChildSaid{child.id, std::move(*message)});
    }
    return true;
}

// One at a time: those that died later keep their pids until all that came before is worked off. False: there is none.
bool Children::find_dead() {
    const pid_t pid = processes_.find_dead();
    if (pid == 0) return false;
    const auto entry = std::find_if(watched_.begin(), watched_.end(),
                                    [pid](const auto& watched) { return watched.second->pid == pid; });
    Child* child = entry == watched_.end() ? nullptr : find(entry->first);
    if (child != nullptr) static_cast<void>(hear(*child));
    events_.add(ChildDied{child == nullptr ? 0 : child->id, pid});
    return true;
}

// ---------------------------------------------------------------- worked off

void Children::work_off() {
    for (int deaths = 0;; ++deaths) {
        events_.work_off([this](ChildEvent&& event) { handle(std::move(event)); }, [this] { sweep(); });
        if (!dead_) return;
        if (deaths == kDeathsPerTurn) {
            again_.start(0ns);
            return;
        }
        dead_ = find_dead();
    }
}

void Children::handle(ChildEvent&& event) {
    if (auto* spoken = std::get_if<ChildSaid>(&event)) {
        if (Child* child = find(spoken->child)) said(*child, std::move(spoken->message));
    } else if (const auto* silent = std::get_if<ChildSilent>(&event)) {
        if (Child* child = find(silent->child)) channel_ended(*child, silent->fault);
    } else if (const auto* died = std::get_if<ChildDied>(&event)) {
        const int wait_status = processes_.reap(died->pid);
        if (died->child != 0)
            exited(died->child, died->pid, wait_status);
        else
            orphan_exited(died->pid, wait_status);
    } else if (const auto* ended = std::get_if<ChildEnded>(&event)) {
        if (watched_.contains(ended->child)) exited(ended->child, ended->pid, ended->wait_status);
    }
}

void Children::orphan_exited(pid_t pid, int wait_status) {
    if (handlers_.helper_reaped(pid, wait_status)) return;
    each_owner([&](ChildOwner& owner) { owner.on_orphan_exit(pid, wait_status); });
    handlers_.reaped();
}

void Children::sweep() {
    each_owner([](ChildOwner& owner) { owner.sweep(); });
}

bool Children::within_budget(const Child& child, const ChildMessage& message) {
    const auto found = watched_.find(child.id);
    if (found == watched_.end() || message.frequent()) return true;
    Watched& watched = *found->second;
    const MessageBudget& budget = row_of(child.role).budget;
    const std::int64_t now = clock_();
    const double seconds = static_cast<double>(now - watched.rare_ns) / 1e9;
    watched.rare_ns = now;
    watched.rare = std::min(budget.at_once, watched.rare + seconds * budget.per_second);
    return --watched.rare >= 0;
}

void Children::said(Child& child, ChildMessage&& message) {
    if (!within_budget(child, message)) {
        kill(child, "it floods with " + std::string(message.name()));
        return;
    }
    if (const messages::Hello* hello = message.hello()) {
        if (child.greeted || hello->protocol != messages::kProtocol || hello->role != child.role) {
            kill(child, "its Hello is not of this version");
            return;
        }
        child.greeted = true;
        return;
    }
    if (!child.greeted) {
        kill(child, "its first message is not Hello");
        return;
    }
    if (message.pong() != nullptr) {
        child.unanswered = 0;
        return;
    }
    if (ChildOwner* owner = owner_of(child)) owner->on_message(child, std::move(message));
}

void Children::channel_ended(Child& child, const std::string& fault) {
    if (!fault.empty()) kill(child, "it sent what is no message of ours: " + fault);
    child.channel.close();
    static_cast<void>(apply(child, ChildChange::channel_end));
    const auto found = watched_.find(child.id);
    if (found != watched_.end()) found->second->end_timer.start(graces::kEndAfterChannel);
}

void Children::exited(std::uint64_t id, pid_t pid, int wait_status) {
    watched_.erase(id);
    Child* child = find(id);
    if (child == nullptr) return;
    child->pid = 0; // from here on nobody can signal it
    child->channel.close();
    static_cast<void>(apply(*child, ChildChange::reaped));
    if (ChildOwner* owner = owner_of(*child)) owner->on_exit(*child, pid, wait_status);
    handlers_.reaped();
}

void Children::claim(pid_t pid) {
    pid_is_taken(pid);
    claimed_.insert(pid);
}

bool Children::is_watched(pid_t pid) const {
    return claimed_.contains(pid) ||
           std::any_of(watched_.begin(), watched_.end(), [pid](const auto& entry) { return entry.second->pid == pid; });
}

Children::Kin Children::kin(const Child& parent, std::int64_t pid) const {
    if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return Kin::stranger;
    const auto process = static_cast<pid_t>(pid);
    const pid_t actual = processes_.parent_of(process);
    if (actual < 0) return Kin::ended;
    if (parent.pid > 0 && actual == parent.pid) return Kin::forked;
    return actual == processes_.own_pid() && !is_watched(process) ? Kin::forked : Kin::stranger;
}

bool Children::is_orphan(pid_t pid) const {
    return pid > 0 && processes_.parent_of(pid) == processes_.own_pid() && !is_watched(pid);
}

bool Children::inherited(const Child& child) const {
    return child.pid > 0 && processes_.parent_of(child.pid) == processes_.own_pid();
}

void Children::kill_orphan(pid_t pid) const {
    // A child of ours that is not reaped cannot have its pid used again; another process is none of our business.
    if (is_orphan(pid)) processes_.kill(pid);
}

} // namespace evermilter::supervisor
