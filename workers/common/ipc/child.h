// How a child of the supervisor begins: its channel is descriptor 3 from its exec on.
#pragma once

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/protocol.h"

namespace evermilter {

inline constexpr int kChildChannel = 3;

// Takes over the channel: checks that descriptor 3 is a SOCK_SEQPACKET unix socket, makes it CLOEXEC and
// non-blocking, and sends Hello. An Error (EX_USAGE is the exit status then) when the process was not started by
// evermilterd. Sets what the process has inherited (process_state.h), so it must be called before any thread is made.
[[nodiscard]] Result<unique_fd> adopt_child_channel(messages::Role role);

// Whether the supervisor, which made the channel, runs as our own user.
[[nodiscard]] bool is_of_own_user(int channel) noexcept;

} // namespace evermilter
