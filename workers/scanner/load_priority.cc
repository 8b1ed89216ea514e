#include "workers/scanner/load_priority.h"

#include <sys/resource.h>

#include <algorithm>

namespace evermilter::scanner {

std::chrono::nanoseconds polite_time(std::chrono::nanoseconds budget, std::chrono::nanoseconds last_cpu) {
    using std::chrono::nanoseconds;
    nanoseconds polite = budget > nanoseconds::zero() ? budget / 2 : nanoseconds::max();
    if (last_cpu > nanoseconds::zero())
        polite = std::min(polite, std::max<nanoseconds>(last_cpu, std::chrono::seconds(1)));
    return polite;
}

bool may_rise() noexcept {
    // The lowest nice value allowed is 20 minus the limit (getrlimit(2)).
    rlimit limit{};
    return ::getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= 20;
}

bool set_nice(pid_t thread, int nice) noexcept {
    return ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice) == 0;
}

} // namespace evermilter::scanner
