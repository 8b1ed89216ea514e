// The priority of a load beside scanners that serve: the kernel's idle class, which takes only what nobody else wants.
// Measured beside scanners at 60 % of capacity (4 CPUs, 8 M signatures): at nice 3 to 10 the scanners' p99 was 1.5 to
// 3 times that without a load, because a scanner that wakes may be put behind the load; in the idle class it is not.
// Beside scanners that saturate the CPUs such a load would not end, and no thread may leave the idle class without
// RLIMIT_NICE: a load that is starved is given up, and begun again at the scanners' priority.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <chrono>

namespace evermilter::scanner {

// Puts the calling thread into the idle class, for good; false where the kernel refuses.
[[nodiscard]] bool take_only_idle_time() noexcept;

// A thread of this process as it is now.
struct ThreadLook {
    std::chrono::nanoseconds cpu{0}; // CPU time so far
    bool wants = false;              // it runs, or waits for a CPU; false: for something else, a disk say
};
// `thread` is not joined yet, `id` its thread id. All zero where the kernel does not tell.
[[nodiscard]] ThreadLook look_at(pthread_t thread, pid_t id) noexcept;

// Whether a thread gets too little CPU, from looks at regular intervals: starved when, of the last kLooks intervals,
// at least half found it wanting a CPU, and it had less than a third of that time. A load that gets more than that
// takes at most three times as long as alone.
class Starvation {
  public:
    static constexpr std::chrono::milliseconds kInterval{250};
    static constexpr unsigned kLooks = 20;

    // True when it is starved; then the count begins anew.
    [[nodiscard]] bool starved(const ThreadLook& look) noexcept;

  private:
    unsigned looks_ = 0;
    unsigned wanting_ = 0;
    std::chrono::nanoseconds cpu_at_start_{0};
};

} // namespace evermilter::scanner
