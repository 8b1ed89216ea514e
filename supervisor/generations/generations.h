// The generations as processes and queues: starts a loader for each, switches when every session worker has taken
// the new queue, retires the old one, and bounds each step. One idempotent function (tick) looks at all deadlines.
// A loader that dies is followed by its standby (generations_standby.cc); only when that is gone too the database is
// loaded anew. At most two engines are in memory: may_load() says whether another may be loaded. With reload.mode =
// "replace" it is one: a loader that has its snapshot waits until the active generation, retired at that moment, is
// reaped.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "supervisor/children/children.h"
#include "supervisor/front/log_limit.h"
#include "supervisor/generations/idle_scanners.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/from_session.h"

namespace evermilter::supervisor {

struct LoadRequest {
    bool force = false;
    bool low_priority = true;                      // beside what serves: takes only CPU time that nobody else wants
    bool restore = false;                          // load even if it is the active content, whatever it lacks
    bool keep_all = false;                         // with restore: all the same, no database may be lost by accident
    bool check_files = false;                      // the last loader died of the directory
    std::string reuse_snapshot = {};               // empty: a new one
    std::shared_ptr<const Settings> settings = {}; // empty: those in use
};

// starved: it had low priority and got next to no CPU time.
enum class LoadResult : std::uint8_t { active, unchanged, starved, refused };

struct LoadOutcome {
    LoadResult result = LoadResult::refused;
    std::uint64_t generation = 0;
    int exit_code = 0; // sysexits; this and the rest for refused
    std::string error = {};
    bool may_pass = false;                  // time can heal it: no room, no memory, a loader that was killed
    std::string digest = {};                // of the content, empty: none was read
    std::vector<std::string> vanished = {}; // databases that are missing: the reason
    bool crashed = false;                   // the loader died of what it loaded, as it seems
};

class Generations {
  public:
    struct Handlers {
        std::function<void(const LoadOutcome&)> load_ended;
        // A generation's processes are all reaped: another load may have room now.
        std::function<void()> gone;
        // The loader of the active generation died, and its standby; its scanners serve on, but are not replaced.
        std::function<void(const Generation&)> lost_loader;
        std::function<void()> changed; // states have changed
        // A scan could not write to the scanners' temp directory.
        std::function<void(const std::string& how)> temp_failed;
        // Loaders and scanners that were killed could not wipe their folders.
        std::function<void(std::uint64_t generation)> wipe;
    };

    Generations(Loop* loop, State& state, Children& children, const Settings& settings, Handlers handlers);

    // Precondition: may_load(). An Error: nothing was started; load_ended is not called.
    [[nodiscard]] Result<void> start_load(const LoadRequest& request);
    [[nodiscard]] bool loading() const;
    // Fewer than two generations have a process, and nothing of a supervisor that was killed is waited for.
    [[nodiscard]] bool may_load() const;
    // The settings have changed: what is due by them now is done, and the rest when it is.
    void look_now() { tick(); }
    // What drains is retired without waiting for drain_timeout.
    void retire_draining();
    // The service stops and no session worker is left: queues are closed, what loads is killed.
    void stop();
    // At once: all of their processes.
    void kill(const std::string& reason);

    // A session worker became ready: it gets the queues that it needs.
    void give_to(SessionWorker& worker);
    // One was reaped.
    void worker_gone();
    // Frees the records of generations that are over, but the last few. See Children::Handlers.
    void sweep();

    void on_progress(Generation& generation, const messages::LoadProgress& progress) const;
    void on_awaits_room(Generation& generation);
    void on_ready(Generation& generation, messages::LoaderReady&& ready);
    void on_unchanged(Generation& generation);
    void on_starved(Generation& generation);
    void on_failed(Generation& generation, const messages::LoadFailed& failed);
    void on_scanner_started(Generation& generation, const messages::ScannerStarted& started);
    void on_scanner_ended(Generation& generation, const messages::ScannerEnded& ended);
    // Its scanners take nothing while messages wait: `idle` of them (serving_watch.h).
    void heal(Generation& generation, Remedy remedy, const std::vector<pid_t>& idle);
    void healed(Generation& generation) const;
    void on_taken(SessionWorker& worker, const messages::QueueTaken& taken);
    void on_released(SessionWorker& worker, const messages::QueueReleased& released);
    void on_overdue(const messages::ScannerOverdue& overdue);
    void on_loader_exit(Generation& generation, pid_t pid, int wait_status);
    void on_standby_started(Generation& generation, const messages::StandbyStarted& started);
    void on_standby_ended(Generation& generation, const messages::StandbyEnded& ended);
    void on_standby_exit(Generation& generation, pid_t pid, int wait_status);
    void on_orphan_reaped(pid_t pid, int wait_status);
    // See messages::LockEngine.
    void state_directory_made();

  private:
    void tick();
    void schedule(std::int64_t now_ns);
    void send_queue(SessionWorker& worker, Generation& generation);
    void ask_to_let_go(SessionWorker& worker, std::uint64_t generation);
    void tell_to_let_go(Generation& generation);
    void activate_if_taken();
    void give_room();
    void end_unneeded(Generation& generation, LoadResult result);
    void retire(Generation& generation, GenerationEvent event);
    void ask_for_standby(Generation& generation);
    void standby_failed(Generation& generation, const std::string& reason);
    void find_untold_scanners(Generation& generation);
    void temp_failed(const Generation& generation, pid_t scanner);
    void look_at_scanners(Generation& generation, std::int64_t now_ns) const;
    [[nodiscard]] bool is_scanner(pid_t pid) const;
    [[nodiscard]] bool take_over(Generation& generation);
    void refuse(Generation& generation, int exit_code, const std::string& error, LoadOutcome outcome = {});
    void kill_processes(Generation& generation, const std::string& reason);
    void finish_if_reaped(Generation& generation);
    [[nodiscard]] bool apply(Generation& generation, GenerationEvent event) const;
    [[nodiscard]] std::uint64_t last_id() const;
    [[nodiscard]] std::vector<std::string> given_up(const config::Database& database) const;
    std::uint64_t compare_with_last(messages::StartLoad& message) const;
    [[nodiscard]] bool held(std::uint64_t generation) const;
    [[nodiscard]] std::int64_t scan_bound_ns() const;

    State& state_;
    Children& children_;
    const Settings& settings_;
    Handlers handlers_;
    std::minstd_rand random_;
    std::optional<std::uint64_t> last_id_; // read before the first load
    LogLimit temp_log_limit_;
    TimerWatcher timer_;
};

} // namespace evermilter::supervisor
