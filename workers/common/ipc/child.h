// How a child of the supervisor begins: its channel is descriptor 3 from its exec on.
#pragma once

#include "workers/common/base/result.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/messages.h"

namespace evermilter {

inline constexpr int kChildChannel = 3;

// Takes over the channel: checks that descriptor 3 is a SOCK_SEQPACKET unix socket, makes it CLOEXEC and
// non-blocking, and sends Hello. An Error (EX_USAGE is the exit status then) when the process was not started by
// evermilterd. Sets what the process has inherited (process_state.h), so it must be called before any thread is made.
[[nodiscard]] Result<Channel> adopt_child_channel(messages::Role role);

// Whether who made the channel, the supervisor, runs as our own user.
[[nodiscard]] bool is_of_own_user(const Channel& channel) noexcept;

} // namespace evermilter
