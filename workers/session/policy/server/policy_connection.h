// System calls of a connection to a policy server, each with an end in time. ppoll(2), because the program defines
// poll() (libmilter/interpose.h).
#pragma once

#include <string>
#include <string_view>

#include "config/address.h"
#include "workers/common/base/clock.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::session {

// A host must be numeric: no name server is asked. ETIMEDOUT at `deadline`.
[[nodiscard]] Result<unique_fd> connect_to(const config::ListenAddress& address, SteadyTime deadline);
[[nodiscard]] Result<void> send_all(int fd, std::string_view bytes, SteadyTime deadline);
// Appends what comes to `bytes`. An Error with EPIPE: the other end has closed.
[[nodiscard]] Result<void> receive_some(int fd, std::string& bytes, SteadyTime deadline);
// Nothing has come, and the other end has not closed it.
[[nodiscard]] bool is_quiet(int fd);

} // namespace evermilter::session
