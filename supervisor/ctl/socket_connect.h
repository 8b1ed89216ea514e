// Connections of a blocking client, with deadlines, to the status socket or to a milter socket. Every wait is bounded.
// The caller bounds how much it reads.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "config/address.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::ctl {

using Deadline = std::chrono::steady_clock::time_point;

// Connects to the first address of the name that answers; a wildcard host is taken as this machine's loopback.
// Errors: ECONNREFUSED, ENOENT, EACCES, ETIMEDOUT …, with the address named.
[[nodiscard]] Result<unique_fd> connect_to(const config::ListenAddress& address, Deadline deadline);

// All of `bytes`, by the deadline.
[[nodiscard]] Result<void> send_all(int fd, std::span<const char> bytes, Deadline deadline);

// Waits until bytes, or the end, can be read. False: the deadline came first.
[[nodiscard]] Result<bool> wait_readable(int fd, Deadline deadline);

// Waits for bytes and appends them to `buffer`. False: the peer has closed.
[[nodiscard]] Result<bool> receive_some(int fd, std::string& buffer, Deadline deadline);

} // namespace evermilter::ctl
