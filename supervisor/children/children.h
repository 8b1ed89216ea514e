// Starts, hears, signals and reaps the children, and keeps their watchers. Owns the descriptors of the binaries,
// opened at the start, so that an upgrade of the package on disk never mixes versions. A child that cannot be
// started is an Error; one that says what cannot be decoded or has no place in its state is killed. What they say and
// how they end is only gathered (child_events.h) where it is found, and worked off at the top of the loop.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "supervisor/children/child_events.h"
#include "supervisor/privileges.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/messages.h"

namespace evermilter::supervisor {

class Children {
  public:
    // All are called from the top of the loop, one at a time, none from within another or from a member of this. A
    // handler may change any state but frees no record of a child; `sweep` does.
    struct Handlers {
        std::function<void(Child&, messages::Message&&)> message;
        // The child was reaped: its pid is 0, its state dead; everything that it had sent was delivered before.
        std::function<void(Child&, pid_t pid, int wait_status)> exited;
        // A process that a child of ours had forked, and which became ours by its parent's death, was reaped.
        std::function<void(pid_t pid, int wait_status)> orphan_reaped;
        // Between two events: nobody refers to a record. Those that are not needed any more are freed, unless
        // watches().
        std::function<void()> sweep;
    };

    Children(Loop* loop, State& state, Handlers handlers);
    Children(const Children&) = delete;
    Children& operator=(const Children&) = delete;
    Children(Children&&) = delete;
    Children& operator=(Children&&) = delete;
    ~Children();

    // Opens evermilter-session and evermilter-scanner, beside our own binary or else in libexec, and makes this
    // process the reaper of its descendants.
    [[nodiscard]] Result<void> open_binaries();
    // Where the standard error of children goes: ours (default) or nowhere (a daemon).
    void silence_children() noexcept { silent_ = true; }

    // Forks and executes; fills in `child`, which must be in the State at an address that stays.
    [[nodiscard]] Result<void> start(Child& child, messages::Role role, const Identity& identity);
    // For a process that a child of ours will fork: the other end of its channel. `child` has no pid until forked();
    // what never came is given up by ended().
    [[nodiscard]] Result<unique_fd> expect(Child& child, messages::Role role);
    // It was forked, by its parent's word and the kernel's (kin()), and is ready.
    void forked(Child& child, pid_t pid);
    // Its parent has reaped it, or will not fork it; `exited` follows.
    void ended(Child& child, int wait_status);
    // Sends or keeps. A child that does not read is killed; its end comes by `exited`.
    void send(Child& child, messages::Message message);
    void send_to_all(const messages::ReopenLog& message);
    void send_to_all(const messages::ShutdownTime& message);
    // Applies what we decided or the child said. False: it has no place in the child's state; the child was killed.
    bool apply(Child& child, WorkerEvent event);
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
    [[nodiscard]] static bool inherited(const Child& child);

    // Children that run, in the order of their start.
    [[nodiscard]] std::vector<std::uint64_t> ids() const;
    [[nodiscard]] bool is_watched(pid_t pid) const;
    // A process of ours without a channel (Helpers), from its fork until it is reaped; its end comes by orphan_reaped.
    void claim(pid_t pid);
    void release(pid_t pid) { claimed_.erase(pid); }
    // Its end is still to come: its record must stay.
    [[nodiscard]] bool watches(const Child& child) const { return watched_.contains(child.id); }
    // Children that are not reaped yet.
    [[nodiscard]] bool any() const noexcept { return !watched_.empty(); }

  private:
    template <class Message>
    void send_each(const Message& message);
    struct Watched;

    void readable(std::uint64_t id);
    bool gather(Child& child, int most);
    void work_off();
    [[nodiscard]] bool find_dead();
    void handle(ChildEvent&& event);
    void said(Child& child, messages::Message&& message);
    bool within_budget(const Child& child, const messages::Message& message);
    void channel_ended(Child& child, const std::string& fault);
    void exited(std::uint64_t id, pid_t pid, int wait_status);
    void watch(Child& child, messages::Role role, pid_t pid, unique_fd channel);
    void pid_is_taken(pid_t pid);
    void update_watcher(Child& child);

    Loop* loop_;
    State& state_;
    Handlers handlers_;
    std::map<std::uint64_t, std::unique_ptr<Watched>> watched_; // by Child::id, until reaped
    std::set<pid_t> claimed_;
    ChildEvents events_;
    bool dead_ = false; // there may be dead children that were not found yet
    SignalWatcher child_signal_;
    TurnWatcher turn_;
    TimerWatcher again_;                // for what one turn has left
    std::array<unique_fd, 2> binaries_; // session, scanner
    unique_fd null_;
    bool silent_ = false;
};

// A scanner that ended because its temp directory failed.
[[nodiscard]] bool has_temp_failed(int wait_status) noexcept;

// "exit status 65", "signal 11 (Segmentation fault)".
[[nodiscard]] std::string wait_status_text(int wait_status);
// The same for a child of ours, or why we have killed it.
[[nodiscard]] std::string end_text(const Child& child, int wait_status);

} // namespace evermilter::supervisor
