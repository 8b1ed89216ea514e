// A child process as a record: what the supervisor knows of it. Children keeps it; the role's owner has it in its list.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "supervisor/children/child_state.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/protocol.h"
#include "workers/common/ipc/to_loader.h"
#include "workers/common/ipc/to_session.h"

namespace evermilter::supervisor {

// A process of ours with a channel. `id` is unique for the supervisor's life and never used twice, pids are.
struct Child {
    std::uint64_t id = 0;
    messages::Role role = messages::Role::session;
    ChildState state = ChildState::starting;
    pid_t pid = 0;                // 0: reaped, must not be signalled
    PacketChannel channel;        // closed after EOF
    bool greeted = false;         // Hello was received and fits
    bool was_ready = false;       // it has said so, once
    std::int64_t started_ns = 0;  // CLOCK_MONOTONIC
    std::string kill_reason;      // not empty: we have killed it
    std::uint32_t unanswered = 0; // pings sent since its last Pong
    std::uint32_t beats = 0;      // since its start
};

// A child that hears `Hears`, and nothing else can be sent to (Children::send).
template <class Hears>
struct ChildOf : Child {};

using SessionChild = ChildOf<messages::ToSession>;
using LoaderChild = ChildOf<messages::ToLoader>; // and standby

} // namespace evermilter::supervisor
