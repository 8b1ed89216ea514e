// The switch of generations: starts a loader for each, gives its queue to every session worker, makes it active when
// all of them have taken it, retires the former one, and bounds each step. One idempotent function (tick) looks at all
// deadlines. A loader that dies is followed by its standby (standby_keeper.h); only when that is gone too is the
// database loaded again. At most two engines are in memory: may_load() says whether another may be loaded. With
// reload.mode = "replace" it is one: a loader that has its snapshot waits until the active generation, retired at that
// moment, is reaped.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "supervisor/generations/generation_ids.h"
#include "supervisor/generations/generation_processes.h"
#include "supervisor/generations/load_plan.h"
#include "supervisor/generations/scanner_health.h"
#include "supervisor/generations/standby_keeper.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/time_source.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/from_session.h"

namespace evermilter::supervisor {

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

    Generations(TimeSource& time, State& state, GenerationProcesses& processes, const Settings& settings,
                Handlers handlers);

    // From now on scanners that do not serve are found.
    void begin();

    // Precondition: may_load(). An Error: nothing was started; load_ended is not called.
    [[nodiscard]] Result<void> start_load(const LoadPlan& plan);
    [[nodiscard]] bool loading() const;
    // Fewer than two generations have a process, and nothing of a supervisor that was killed is waited for.
    [[nodiscard]] bool may_load() const;
    // The settings have changed: does what is due by them now.
    void look_now() { tick(); }
    // Generations that drain are retired without waiting for drain_timeout.
    void retire_draining();
    // The service stops and no session worker is left: queues are closed, what loads is killed.
    void stop();
    // At once: all of their processes.
    void kill(const std::string& reason);

    // A session worker became ready: it gets the queues that it needs.
    void give_to(SessionWorker& worker);
    // One was reaped, and is in the State no more.
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
    void schedule();
    // When those who hold its queue are asked to let go; empty: they were, or nobody holds it.
    [[nodiscard]] std::optional<Moment> drain_due(const Generation& generation) const;
    void look_at_drain(Generation& generation, Moment now);
    void look_at_end(Generation& generation, Moment now);
    void send_queue(SessionWorker& worker, Generation& generation);
    void ask_back(std::uint64_t generation);
    void let_go(Generation& generation);
    void activate_if_taken();
    void give_room();
    void end_unneeded(Generation& generation, LoadOutcome::How how);
    void refuse(Generation& generation, int exit_code, const std::string& error, LoadOutcome outcome = {});
    void retire(Generation& generation, GenerationEvent event);
    void finish_if_reaped(Generation& generation);
    [[nodiscard]] bool apply(Generation& generation, GenerationEvent event) const;

    TimeSource& time_;
    State& state_;
    GenerationProcesses& processes_;
    const Settings& settings_;
    Handlers handlers_;
    GenerationIds ids_;
    StandbyKeeper standbys_;
    ScannerHealth scanners_;
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Timer> look_timer_;
};

} // namespace evermilter::supervisor
