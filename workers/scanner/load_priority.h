// When a load has been polite for long enough. Beside scanners that saturate the CPUs a load at nice 5 may take four
// times as long as alone; it begins so, and goes on at nice 0 once it has had its time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace evermilter::scanner {

// How long a load may stay at low priority. `budget` is what is left of reload.load_timeout at its start: half of
// it; `last_cpu` the CPU time of the active generation's load (zero: none known), which it would take alone: when that
// has passed, but not before a second. Zero budget: no bound of that kind.
[[nodiscard]] std::chrono::nanoseconds polite_time(std::chrono::nanoseconds budget, std::chrono::nanoseconds last_cpu);

// The nice value of a load beside what serves. Lower priority than this starves it (nice 19 does not finish in a
// minute); where it may not rise later, it begins with a little more.
[[nodiscard]] constexpr int polite_nice(bool may_rise) noexcept {
    return may_rise ? 5 : 3;
}

// Where nothing serves, and at the end of politeness.
inline constexpr int kHurriedNice = 0;

// Whether RLIMIT_NICE lets this process set a thread's nice value back to 0. A supervisor that was started as root
// gives that limit, unless it lacks CAP_SYS_RESOURCE, as in most containers.
[[nodiscard]] bool may_rise() noexcept;

// Sets the thread's nice value; false where the kernel refuses.
[[nodiscard]] bool set_nice(pid_t thread, int nice) noexcept;

} // namespace evermilter::scanner
