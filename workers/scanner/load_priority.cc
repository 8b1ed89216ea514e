#include "workers/scanner/load_priority.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>

namespace evermilter::scanner {

std::chrono::nanoseconds polite_time(std::chrono::nanoseconds budget, std::chrono::nanoseconds last_cpu) {
    using std::chrono::nanoseconds;
    nanoseconds polite = budget > nanoseconds::zero() ? budget / 2 : nanoseconds::max();
    if (last_cpu > nanoseconds::zero())
        polite = std::min(polite, std::max<nanoseconds>(last_cpu, std::chrono::seconds(1)));
    return polite;
}

int own_nice() noexcept {
    return ::getpriority(PRIO_PROCESS, 0);
}

bool may_rise() noexcept {
    bool rose = false;
    try {
        std::thread([&rose] {
            const int before = own_nice();
            rose = set_nice(::gettid(), before + 1) && set_nice(::gettid(), before);
        }).join();
    } catch (const std::system_error&) {
        return false; // no thread to be had; the load will say so
    }
    return rose;
}

bool set_nice(pid_t thread, int nice) noexcept {
    return ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice) == 0;
}

} // namespace evermilter::scanner
