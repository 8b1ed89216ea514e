// What the machine and the control groups of this process have left for one more engine. Reads /proc and
// /sys/fs/cgroup, both versions; what cannot be read sets no bound.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace evermilter::scanner {

struct MemoryLeft {
    std::string where; // for an operator: "on this machine", "in the control group /system.slice"
    std::uint64_t bytes = 0;
};

// The machine's MemAvailable, then each group with a limit from this process' own up to the root's; free swap counts
// as far as it may be used, and the files that a group caches count as free, because the kernel drops them before it
// kills. `root` stands before every path; for tests.
[[nodiscard]] std::vector<MemoryLeft> read_memory_left(const std::string& root = {});

// Private memory of this process, in bytes; 0 when /proc does not tell.
[[nodiscard]] std::uint64_t private_memory(const std::string& root = {});

} // namespace evermilter::scanner
