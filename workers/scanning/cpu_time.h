// How much CPU time another process has used. Linux lets anyone read the CPU clock of any process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace evermilter::scanning {

// User and system time of all threads of `pid` since it began; nullopt when there is no such process. Any thread.
[[nodiscard]] std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid) noexcept;

} // namespace evermilter::scanning
