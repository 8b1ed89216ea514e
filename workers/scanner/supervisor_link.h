// The channel of a loader or standby to the supervisor.
#pragma once

#include "workers/common/base/log.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/loop_channel.h"
#include "workers/common/ipc/to_loader.h"

namespace evermilter::scanner {

using SupervisorLink = LoopChannel<messages::ToLoader, messages::FromLoader>;

// As SupervisorLink's `unreadable`: a supervisor that says what is no message is treated like one that has died.
inline bool end_of_broken_link(const Error& error) {
    log::error("channel-broken", {{"error", error.what}});
    return false;
}

} // namespace evermilter::scanner
