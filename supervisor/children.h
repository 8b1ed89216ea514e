// Starts, hears, signals and reaps the children, and keeps their watchers. Owns the descriptors of the binaries,
// opened at the start, so that an upgrade of the package on disk never mixes versions. A child that cannot be
// started is an Error; one that says what cannot be decoded or has no place in its state is killed.
#pragma once

#include <ev++.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "supervisor/privileges.h"
#include "supervisor/state.h"
#include "workers/common/messages.h"
#include "workers/common/result.h"
#include "workers/common/unique_fd.h"

namespace evermilter::supervisor {

class Children {
  public:
    // All are called from the loop, never from within a call of this class. A handler may change any state but must
    // not remove the record of the child that it is called for; after `exited` it may.
    struct Handlers {
        std::function<void(Child&, messages::Message&&)> message;
        // The child was reaped: pid is 0 and the state dead; everything that it had sent was delivered before.
        std::function<void(Child&, pid_t pid, int wait_status)> exited;
        // A process that a child of ours had forked, and which became ours by its parent's death, was reaped.
        std::function<void(pid_t pid, int wait_status)> orphan_reaped;
    };

    Children(ev::loop_ref loop, State& state, Handlers handlers);
    Children(const Children&) = delete;
    Children& operator=(const Children&) = delete;
    ~Children();

    // Opens evermilter-session and evermilter-scanner, beside our own binary or else in libexec, and makes this
    // process the reaper of its descendants.
    [[nodiscard]] Result<void> open_binaries();

    // Forks and executes; fills in `child`, which must be in the State at an address that stays.
    [[nodiscard]] Result<void> start(Child& child, messages::Role role, const Identity& identity);
    // Sends or keeps. A child that does not read is killed; its end comes by `exited`.
    void send(Child& child, messages::Message message);
    // Closes our end of the channel: the child shall end.
    void hang_up(Child& child);
    // SIGKILL, if it is not reaped.
    void kill(Child& child, const std::string& reason);
    // SIGKILL to an orphan that is our child by now; nothing happens if it is not.
    static void kill_orphan(pid_t pid);
    // Whether a process is our child and not reaped.
    [[nodiscard]] static bool is_our_child(pid_t pid);
    [[nodiscard]] bool any() const noexcept { return !watched_.empty(); }

  private:
    struct Watched;

    void read(Watched& watched);
    // False when the channel is closed, or nothing more is to be read.
    bool read_one(Child& child);
    void close_channel(Child& child);
    void write(Watched& watched);
    void reap(ev::sig& watcher, int events);
    void reaped(pid_t pid, int wait_status);
    // Applies `event`; an event that has no place kills the child.
    void greet(Child& child, const messages::Message& message);

    ev::loop_ref loop_;
    State& state_;
    Handlers handlers_;
    std::map<std::uint64_t, std::unique_ptr<Watched>> watched_; // by Child::id, until reaped
    ev::sig child_signal_;
    std::array<unique_fd, 2> binaries_; // session, scanner
};

} // namespace evermilter::supervisor
