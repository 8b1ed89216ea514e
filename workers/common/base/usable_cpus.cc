// CPUs by the affinity mask, however many the machine has.
#include "workers/common/base/usable_cpus.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>

namespace evermilter {
namespace {

// The kernel refuses a mask that is smaller than its own: the size doubles until it fits.
constexpr std::size_t kFirstMask = 1024;
constexpr std::size_t kLargestMask = std::size_t{1} << 20;

struct FreeMask {
    void operator()(cpu_set_t* mask) const noexcept { CPU_FREE(mask); }
};

} // namespace

std::uint32_t usable_cpus() noexcept {
    for (std::size_t cpus = kFirstMask; cpus <= kLargestMask; cpus *= 2) {
        const std::unique_ptr<cpu_set_t, FreeMask> mask(CPU_ALLOC(cpus));
        if (!mask) break;
        const std::size_t size = CPU_ALLOC_SIZE(cpus);
        CPU_ZERO_S(size, mask.get());
        if (::sched_getaffinity(0, size, mask.get()) == 0)
            return static_cast<std::uint32_t>(std::max(1, CPU_COUNT_S(size, mask.get())));
        if (errno != EINVAL) break;
    }
    return 1;
}

} // namespace evermilter
