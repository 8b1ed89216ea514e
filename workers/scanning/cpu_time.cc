#include "workers/scanning/cpu_time.h"

#include <ctime>

namespace evermilter::scanning {

std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid) noexcept {
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return std::nullopt;
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

} // namespace evermilter::scanning
