// Compares the system's limits with what the configuration may need: open files (RLIMIT_NOFILE), processes and threads
// of a user (RLIMIT_NPROC) and of the cgroup (pids.max). Checked whenever a configuration is taken over: too little is
// refused then, with the figures, instead of failing when sessions come.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/start_report.h"

namespace evermilter::supervisor {

// The most that the configuration may need.
struct RequiredLimits {
    std::uint64_t supervisor_files = 0; // open at a time in the supervisor
    std::uint64_t worker_files = 0;     // in one session worker
    std::uint64_t tasks = 0;            // processes and threads with workers.session_max session workers
    std::uint64_t session_tasks = 0;    // of these, session workers'
    std::uint64_t waiting_tasks = 0;    // further threads when every session waits for a scan at once
};
[[nodiscard]] RequiredLimits needs_of(const Settings& settings);

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

struct Granted {
    std::uint64_t files = kUnlimited;
    std::uint64_t user_tasks = kUnlimited;   // of process.user; kUnlimited for root, who is exempt
    std::uint64_t cgroup_tasks = kUnlimited; // the least of our cgroup and those above
    std::string cgroup_file;                 // where that is said
};

struct LimitsJudgement {
    std::optional<StartFault> fault;   // EX_CONFIG
    std::vector<std::string> warnings; // enough to start, too little for the worst moment
};
// Pure.
[[nodiscard]] LimitsJudgement judge_limits(const RequiredLimits& needs, const Granted& granted,
                                           const Settings& settings);

// The smallest pids.max from the cgroup of `membership` (/proc/self/cgroup, versions 1 and 2) up to its root. `read`
// gives a file's content, nullopt if there is none.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;
void read_pids_max(std::string_view membership, const ReadFile& read, Granted& granted);

// Raises the soft limits of this process to the hard ones and judges what there is then.
[[nodiscard]] LimitsJudgement check_limits(const Settings& settings);

} // namespace evermilter::supervisor
