// A blocking client's connection with deadlines: to the status socket or to a milter socket.
// Every wait is bounded; what a peer sends is read into a buffer with a bound.
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

// Waits until something can be read (or the end has come). False: the deadline came first.
[[nodiscard]] Result<bool> wait_readable(int fd, Deadline deadline);

// Appends what is there to `buffer`, waiting by the deadline for the first byte. False: the peer has closed.
[[nodiscard]] Result<bool> receive_some(int fd, std::string& buffer, Deadline deadline);

} // namespace evermilter::ctl
