// A process of ours with a channel, as the supervisor keeps it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "supervisor/children/child_state.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/messages.h"

namespace evermilter::supervisor {

// `id` is unique for the supervisor's life and never used twice, pids are.
struct Child {
    std::uint64_t id = 0;
    messages::Role role = messages::Role::session;
    WorkerState state = WorkerState::starting;
    pid_t pid = 0;                // 0: reaped, must not be signalled
    Channel channel;              // closed after EOF
    bool greeted = false;         // Hello was received and fits
    std::int64_t started_ns = 0;  // CLOCK_MONOTONIC
    std::string kill_reason;      // not empty: we have killed it
    std::uint32_t unanswered = 0; // pings sent since its last Pong
    std::uint32_t beats = 0;      // since its start
};

} // namespace evermilter::supervisor
