// The children and their channels: started, heard, signalled, reaped; each belongs to the owner of its role, which gets
// what it says. A child that cannot be started is an Error; one that says what cannot be decoded or has no place in its
// state is killed. What they say and how they end is only gathered (child_events.h) where it is found, and worked off
// at the top of the loop.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "supervisor/children/child.h"
#include "supervisor/children/child_events.h"
#include "supervisor/children/child_owner.h"
#include "supervisor/children/processes.h"
#include "supervisor/children/wait_status.h"
#include "supervisor/privileges.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

class Children {
  public:
    struct Handlers {
        // A process without a channel was reaped. True: it was forked by this process, which knows what its end means.
        // False: a child of ours had forked it; the owners hear of it.
        std::function<bool(pid_t pid, int wait_status)> helper_reaped;
        // A process was reaped, and its owner knows.
        std::function<void()> reaped;
    };
    using Clock = std::function<std::int64_t()>; // nanoseconds, CLOCK_MONOTONIC

    // `next_id` is State::next_child.
    Children(Loop* loop, std::uint64_t& next_id, Processes& processes, Handlers handlers, Clock clock);
    Children(const Children&) = delete;
    Children& operator=(const Children&) = delete;
    Children(Children&&) = delete;
    Children& operator=(Children&&) = delete;
    ~Children();

    // From now on the children of `role` are this owner's. Before any is started; it outlives this.
    void own(messages::Role role, ChildOwner& owner);
    // nullptr: there is no such child (any more).
    [[nodiscard]] Child* find(std::uint64_t id) const;

    // Forks and executes; fills in `child`, which its owner must find from now on.
    [[nodiscard]] Result<void> start(Child& child, messages::Role role, const Identities& identities);
    // For a process that a child of ours will fork: the other end of its channel. `child` has no pid until forked();
    // what never came is given up by ended().
    [[nodiscard]] Result<unique_fd> expect(Child& child, messages::Role role);
    // It was forked, by its parent's word and the kernel's (kin()), and is ready.
    void forked(Child& child, pid_t pid);
    // Its parent has reaped it, or will not fork it; `exited` follows.
    void ended(Child& child, int wait_status);
    // Sends or keeps. A child that does not read is killed; its end comes by `exited`.
    template <class Hears>
    void send(ChildOf<Hears>& child, std::type_identity_t<Hears> message) {
        if (child.channel.open()) send_packet(child, codec::encode<Hears>(std::move(message)));
    }
    void send_to_all(const messages::ToAnyChild& message);
    // Applies what we decided or the child said. False: it has no place in the child's state; the child was killed.
    bool apply(Child& child, ChildChange event);
    // Gathers what it has said. False: its channel has ended.
    bool hear(Child& child);
    // SIGKILL, unless it is reaped or was killed already.
    void kill(Child& child, const std::string& reason);

    // Counts until a Pong comes.
    void ping(Child& child, std::uint64_t serial);
    // What the kernel says of a pid that `parent`, a child of ours, calls a child of its own. `forked` also where that
    // parent has died meanwhile and we have inherited it.
    enum class Kin : std::uint8_t { forked, stranger, ended };
    [[nodiscard]] Kin kin(const Child& parent, std::int64_t pid) const;
    // SIGKILL to a process that a dead child of ours left behind, if it is our child by now and no other of ours.
    void kill_orphan(pid_t pid) const;
    [[nodiscard]] bool is_orphan(pid_t pid) const;
    // A child of a child is ours, its parent having died.
    [[nodiscard]] bool inherited(const Child& child) const;

    // Children that run, in the order of their start.
    [[nodiscard]] std::vector<std::uint64_t> ids() const;
    [[nodiscard]] bool is_watched(pid_t pid) const;
    // A process of ours without a channel (Helpers), from its fork until it is reaped; its end comes by helper_reaped.
    void claim(pid_t pid);
    void release(pid_t pid) { claimed_.erase(pid); }
    // Its end is still to come: its record must stay.
    [[nodiscard]] bool watches(const Child& child) const { return watched_.contains(child.id); }
    // There may be dead children that were not found yet (SIGCHLD).
    void look_for_dead() noexcept { dead_ = true; }
    // Children that are not reaped yet.
    [[nodiscard]] bool any() const noexcept { return !watched_.empty(); }

  private:
    struct Watched;

    [[nodiscard]] ChildOwner* owner_of(const Child& child) const;
    void send_packet(Child& child, Result<codec::Packet> packet);
    void send_to_any(Child& child, const messages::ToAnyChild& message);
    void kill_descendant(pid_t parent, pid_t pid);
    void readable(std::uint64_t id);
    bool gather(Child& child, int most);
    void work_off();
    [[nodiscard]] bool find_dead();
    void handle(ChildEvent&& event);
    void orphan_exited(pid_t pid, int wait_status);
    void sweep();
    template <class Do>
    void each_owner(Do what) const; // each once
    void said(Child& child, ChildMessage&& message);
    [[nodiscard]] bool within_budget(const Child& child, const ChildMessage& message);
    void channel_ended(Child& child, const std::string& fault);
    void exited(std::uint64_t id, pid_t pid, int wait_status);
    void watch(Child& child, messages::Role role, pid_t pid, unique_fd channel);
    void pid_is_taken(pid_t pid);
    void update_watcher(Child& child);

    Loop* loop_;
    std::uint64_t& next_id_;
    Processes& processes_;
    Handlers handlers_;
    Clock clock_;
    std::array<ChildOwner*, messages::kRoles> owners_{};        // by Role; one may own several
    std::map<std::uint64_t, std::unique_ptr<Watched>> watched_; // by Child::id, until reaped
    std::set<pid_t> claimed_;
    ChildEvents events_;
    bool dead_ = false; // there may be dead children that were not found yet
    SignalWatcher child_signal_;
    TurnWatcher turn_;
    TimerWatcher again_; // for what one turn has left
};

} // namespace evermilter::supervisor
