// The priority of a load while scanners serve: nice 19. Such a thread has 1.5 % of a CPU on which another wants
// to run, gives way to who wakes there, and has all of a CPU that nobody wants. Measured with 4 CPUs 60 % busy and 8 M
// signatures: at nice 3 to 10 the mail's p99 was 1.5 to 3 times that without a load; in the idle class (SCHED_IDLE) it
// was that of nice 19, but the load took twice as long, because the kernel prefers the CPU of such a thread for others
// that wake, even where one is free, and it then waited next to free CPUs (22 of 51 s; at nice 19 4 of 29 s).
// With scanners that saturate the CPUs such a load would not end, and no thread may raise its priority without
// RLIMIT_NICE: a load that is starved is given up, and begun again at the scanners' priority.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <chrono>

#include "workers/common/base/result.h"

namespace evermilter::scanner {

inline constexpr int kLowestPriority = 19; // nice value, sched(7)

// Gives the calling thread, and no other of its process, that priority, for good. An Error where the kernel refuses.
[[nodiscard]] Result<void> take_lowest_priority();

// A thread of this process as it is now.
struct ThreadLook {
    std::chrono::nanoseconds cpu{0}; // CPU time so far
    bool wants = false;              // it runs, or waits for a CPU; false: for something else, a disk say
};
// `thread` is not joined yet, `id` its thread id. All zero where the kernel does not tell.
[[nodiscard]] ThreadLook look_at(pthread_t thread, pid_t id) noexcept;

// Whether a thread gets too little CPU, from looks at regular intervals: starved when it was found wanting a CPU for at
// least kLeast, and has had less than a third of all the time in which it was. A load that gets more takes at most
// three times as long as alone; one that has long been served is not given up for a short famine, because all of it
// would be done again.
class Starvation {
  public:
    static constexpr std::chrono::milliseconds kInterval{250};
    static constexpr std::chrono::milliseconds kLeast{5000};

    [[nodiscard]] bool starved(const ThreadLook& look) noexcept;

  private:
    bool begun_ = false;
    std::chrono::nanoseconds cpu_at_start_{0};
    std::chrono::nanoseconds wanting_{0};
};

} // namespace evermilter::scanner
