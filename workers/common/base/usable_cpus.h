// How many CPUs this process may use. The one place that knows, so that "one scanner per CPU" is the same number
// wherever it is said.
#pragma once

#include <cstdint>

namespace evermilter {

// By the affinity mask of the calling thread (sched_getaffinity(2)), which a service manager or taskset(1) may have
// made smaller than the machine; 1 if it cannot be read.
[[nodiscard]] std::uint32_t usable_cpus() noexcept;

} // namespace evermilter
