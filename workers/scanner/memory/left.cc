#include "workers/scanner/memory/left.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

namespace evermilter::scanner {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
// memory.limit_in_bytes of a group without a limit is the largest multiple of the page size (Linux, page_counter.h).
constexpr std::uint64_t kNoLimitV1 = std::uint64_t{1} << 62U;

std::optional<std::uint64_t> number(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{}) return std::nullopt;
    return value;
}

// The number behind `name` at the start of a line: "MemAvailable:", "inactive_file ".
std::optional<std::uint64_t> field(const std::string& path, std::string_view name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name)) return number(std::string_view(line).substr(name.size()));
    return std::nullopt;
}

// A file that holds one number, or "max".
std::optional<std::uint64_t> value_of(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    if (line.starts_with("max")) return kNoLimit;
    return number(line);
}

std::uint64_t minus(std::uint64_t from, std::uint64_t what) {
    return from > what ? from - what : 0;
}

// The files of one version's memory controller.
struct Names {
    const char* limit;
    const char* usage;
    const char* swap_limit; // of v1: memory and swap together
    const char* swap_usage;
    bool swap_with_memory;
    const char* cached[3];
};

constexpr Names kV2 = {"memory.max",
                       "memory.current",
                       "memory.swap.max",
                       "memory.swap.current",
                       false,
                       {"inactive_file ", "active_file ", "slab_reclaimable "}};
constexpr Names kV1 = {"memory.limit_in_bytes",
                       "memory.usage_in_bytes",
                       "memory.memsw.limit_in_bytes",
                       "memory.memsw.usage_in_bytes",
                       true,
                       {"total_inactive_file ", "total_active_file ", nullptr}};

std::optional<std::uint64_t> left_in(const std::string& folder, const Names& names, std::uint64_t free_swap) {
    const auto limit = value_of(folder + names.limit);
    const auto usage = value_of(folder + names.usage);
    if (!limit || !usage || *limit >= kNoLimitV1) return std::nullopt;
    std::uint64_t cached = 0;
    for (const char* name : names.cached)
        if (name != nullptr) cached += field(folder + "memory.stat", name).value_or(0);
    const std::uint64_t memory = minus(*limit, minus(*usage, cached));

    const auto swap_limit = value_of(folder + names.swap_limit);
    const auto swap_usage = value_of(folder + names.swap_usage);
    std::uint64_t swap = free_swap;
    if (swap_limit && swap_usage && *swap_limit < kNoLimitV1) {
        std::uint64_t allowed = minus(*swap_limit, *swap_usage);
        if (names.swap_with_memory) allowed = minus(allowed, minus(*limit, *usage));
        swap = std::min(swap, allowed);
    }
    return memory + swap;
}

// The group at `path` below the mount `base`, and all above it. In a container the path may be the host's, of which
// only the root, the container's own group, is there.
void add_groups(std::vector<MemoryLeft>& left, const std::string& base, std::string path, const Names& names,
                std::uint64_t free_swap) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    for (;;) {
        if (const auto bytes = left_in(base + path + "/", names, free_swap))
            left.push_back({"in the control group " + (path.empty() ? "/" : path), *bytes});
        if (path.empty()) return;
        path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
}

} // namespace

std::vector<MemoryLeft> read_memory_left(const std::string& root) {
    std::vector<MemoryLeft> left;
    const std::string meminfo = root + "/proc/meminfo";
    const std::uint64_t free_swap = field(meminfo, "SwapFree:").value_or(0) * kKiB;
    if (const auto available = field(meminfo, "MemAvailable:"))
        left.push_back({"on this machine", *available * kKiB + free_swap});

    // "HIERARCHY:CONTROLLERS:PATH" (cgroups(7)); version 2 is hierarchy 0, without controllers.
    std::ifstream groups(root + "/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':');
        const auto second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::string path = line.substr(second + 1);
        if (line.starts_with("0::")) {
            add_groups(left, root + "/sys/fs/cgroup", path, kV2, free_swap);
            add_groups(left, root + "/sys/fs/cgroup/unified", path, kV2, free_swap);
        } else if (controllers.find(",memory,") != std::string::npos) {
            add_groups(left, root + "/sys/fs/cgroup/memory", path, kV1, free_swap);
        }
    }
    return left;
}

std::uint64_t private_memory(const std::string& root) {
    return field(root + "/proc/self/status", "RssAnon:").value_or(0) * kKiB;
}

} // namespace evermilter::scanner
