// When a load has been polite for long enough. Beside scanners that saturate the CPUs a load at nice 5 may take four
// times as long as alone; it begins so, and goes on as the scanners do once it has
// had its time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace evermilter::scanner {

// How long a load may stay at low priority. `budget` is what is left of reload.load_timeout at its start: half of
// it; `last_cpu` the CPU time of the active generation's load (zero: none known), which it would take alone: when that
// has passed, but not before a second. Zero budget: no bound of that kind.
[[nodiscard]] std::chrono::nanoseconds polite_time(std::chrono::nanoseconds budget, std::chrono::nanoseconds last_cpu);

// By how much the nice value of a load beside what serves is above the scanners'. More starves it (by 19 it does not
// finish in a minute); less hurts them (beside scanners at 60 % of capacity p99 doubled by 1; by 3 or 5 it was 2 to 3
// times that without a load, 4 CPUs, 8 M signatures). Where it may not rise later it begins higher.
[[nodiscard]] constexpr int politeness(bool may_rise) noexcept {
    return may_rise ? 5 : 3;
}

// The nice value of the calling thread.
[[nodiscard]] int own_nice() noexcept;

// Whether a thread of this process that was above the caller's nice value may come back to it: tried with a thread that
// has ended when this returns. RLIMIT_NICE decides, which a supervisor that was started as root raises for the
// loaders, unless it lacks CAP_SYS_RESOURCE, as in most containers.
[[nodiscard]] bool may_rise() noexcept;

// Sets the thread's nice value; false where the kernel refuses.
[[nodiscard]] bool set_nice(pid_t thread, int nice) noexcept;

} // namespace evermilter::scanner
