#include "supervisor/limits.h"

#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <utility>

#include "supervisor/front/gate.h"

namespace evermilter::supervisor {
namespace {

// Sockets of operators, listeners, logs, binaries, epoll sets, locks.
constexpr std::uint64_t kOtherFiles = 128;
// A session worker's channel and two boards; the channels of a generation's loader and standby, its queue and board.
constexpr std::uint64_t kFilesOfWorker = 3;
constexpr std::uint64_t kFilesOfGeneration = 4;
constexpr std::uint64_t kGenerations = 2;
// Of one session: the connection, its duplicate, the message, the reply socket, and one for a moment.
constexpr std::uint64_t kFilesOfSession = 5;
constexpr std::uint64_t kOtherFilesOfSessionWorker = 64;
// A session worker's own threads: libmilter's listener, signal thread, controller and least pool, and ours.
constexpr std::uint64_t kThreadsOfWorker = 8;
// A loader's and its standby's, and processes that live for a moment (a proof, a scanner that is replaced).
constexpr std::uint64_t kTasksOfGeneration = 8;

std::uint64_t number_of(rlim_t limit) {
    return limit == RLIM_INFINITY ? kUnlimited : limit;
}

// The soft limit becomes the hard one, which stays what the administrator made it.
std::uint64_t raise_limit(decltype(RLIMIT_NOFILE) resource) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0) return kUnlimited;
    const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
    return number_of(::setrlimit(resource, &limit) == 0 ? limit.rlim_max : before);
}

std::string figure(std::uint64_t number) {
    return number == kUnlimited ? "unlimited" : std::to_string(number);
}

std::optional<std::string> content_of(const std::string& path) {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    std::string content;
    for (std::string line; std::getline(file, line);) content += line + '\n';
    return content;
}

std::string sessions_text(const config::Config& config) {
    return "workers.session_max = " + std::to_string(config.workers.session_max) +
           ", workers.sessions_per_worker = " + std::to_string(config.workers.sessions_per_worker) +
           ", milter.max_sessions = " + std::to_string(config.milter.max_sessions);
}

} // namespace

RequiredLimits needs_of(const Settings& settings) {
    const config::Workers& workers = settings.config.workers;
    const std::uint64_t per_worker = workers.sessions_per_worker;
    // More workers than max_sessions fill are never started, but for the one that is ahead of need.
    const std::uint64_t filled = (settings.config.milter.max_sessions + per_worker - 1) / per_worker + 1;
    const std::uint64_t most =
        std::max<std::uint64_t>(std::min<std::uint64_t>(workers.session_max, filled), workers.session_min);
    RequiredLimits needs;
    needs.supervisor_files = Gate::kRoom + per_worker + most * kFilesOfWorker +
                             kGenerations * (kFilesOfGeneration + settings.scanners) + kOtherFiles;
    needs.worker_files = per_worker * kFilesOfSession + kOtherFilesOfSessionWorker;
    needs.session_tasks = most * kThreadsOfWorker;
    needs.tasks = needs.session_tasks + kGenerations * (settings.scanners + kTasksOfGeneration) + 1;
    needs.waiting_tasks = std::min<std::uint64_t>(settings.config.milter.max_sessions, most * per_worker);
    return needs;
}

LimitsJudgement judge_limits(const RequiredLimits& needs, const Granted& granted, const Settings& settings) {
    const config::Config& config = settings.config;
    const auto refuse = [&](std::string text) { return LimitsJudgement{StartFault{EX_CONFIG, std::move(text)}, {}}; };
    if (const auto files = std::max(needs.supervisor_files, needs.worker_files); granted.files < files) {
        const bool supervisor = needs.supervisor_files > needs.worker_files;
        return refuse(std::string("open files: ") + (supervisor ? "evermilterd" : "a session worker") + " may need " +
                      figure(files) + " (" + sessions_text(config) + "), the hard limit is " + figure(granted.files) +
                      "; raise it (RLIMIT_NOFILE: LimitNOFILE= of systemd, ulimit -n), or lower "
                      "workers.sessions_per_worker and milter.max_sessions");
    }
    const bool one_user = settings.identities.session.uid == settings.identities.scanner.uid;
    const std::uint64_t of_user = one_user ? needs.tasks : needs.session_tasks;
    if (granted.user_tasks < of_user) {
        return refuse("processes and threads: user " + settings.identities.session.user + " may need " +
                      figure(of_user) + " (" + sessions_text(config) + "), the hard limit is " +
                      figure(granted.user_tasks) +
                      "; raise it (RLIMIT_NPROC: LimitNPROC= of systemd, ulimit -u), or "
                      "lower workers.session_max and milter.max_sessions");
    }
    if (granted.cgroup_tasks < needs.tasks) {
        return refuse("processes and threads: " + figure(needs.tasks) + " may be needed (" + sessions_text(config) +
                      "), " + granted.cgroup_file + " is " + figure(granted.cgroup_tasks) +
                      "; raise it (TasksMax= of systemd), or lower workers.session_max and milter.max_sessions");
    }
    LimitsJudgement fine;
    const std::uint64_t tasks = std::min(granted.cgroup_tasks, granted.user_tasks);
    if (tasks - needs.tasks < needs.waiting_tasks && tasks != kUnlimited) {
        fine.warnings.push_back("threads: " + figure(tasks) + " are allowed; when all of " +
                                figure(needs.waiting_tasks) + " sessions wait for a scan at once, " +
                                figure(needs.tasks + needs.waiting_tasks) +
                                " are needed, and sessions beyond that are closed");
    }
    return fine;
}

void read_pids_max(std::string_view membership, const ReadFile& read, Granted& granted) {
    while (!membership.empty()) {
        const auto end = membership.find('\n');
        const std::string_view line = membership.substr(0, end);
        membership.remove_prefix(end == std::string_view::npos ? membership.size() : end + 1);
        // "0::/path" in version 2; "N:pids:/path", maybe with other controllers, in version 1.
        const auto first = line.find(':');
        const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
        const bool pids = controllers.find(",pids,") != std::string::npos;
        if (!pids && controllers != ",,") continue;
        const std::string root = pids ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
        std::string path(line.substr(second + 1));
        for (;;) {
            if (path.ends_with('/')) path.pop_back();
            const std::string file = root + path + "/pids.max";
            std::uint64_t limit = kUnlimited;
            if (const auto text = read(file)) // "max" is no number and stays unlimited
                std::from_chars(text->data(), text->data() + text->size(), limit);
            if (limit < granted.cgroup_tasks) {
                granted.cgroup_tasks = limit;
                granted.cgroup_file = file;
            }
            const auto above = path.rfind('/');
            if (path.empty() || above == std::string::npos) break;
            path.resize(above);
        }
    }
}

LimitsJudgement check_limits(const Settings& settings) {
    const RequiredLimits needs = needs_of(settings);
    Granted granted;
    granted.files = raise_limit(RLIMIT_NOFILE);
    const std::uint64_t user_tasks = raise_limit(RLIMIT_NPROC);
    const Identity& user = settings.identities.session;
    const bool root = (user.switch_user ? user.uid : ::geteuid()) == 0;
    if (!root) granted.user_tasks = user_tasks;
    if (const auto membership = content_of("/proc/self/cgroup")) read_pids_max(*membership, content_of, granted);
    LimitsJudgement judgement = judge_limits(needs, granted, settings);
    const config::Config& config = settings.config;
    const std::uint64_t room = std::uint64_t{config.workers.session_max} * config.workers.sessions_per_worker;
    if (!judgement.fault && room < config.milter.max_sessions)
        judgement.warnings.push_back("milter.max_sessions = " + figure(config.milter.max_sessions) + " is above the " +
                                     figure(room) + " sessions that the session workers can hold");
    return judgement;
}

} // namespace evermilter::supervisor
