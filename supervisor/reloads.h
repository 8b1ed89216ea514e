// Reloads: takes requests, merges them, starts a load when there is room for another engine, and tells everybody
// who asked how it ended. A refused load leaves everything as it was; its reason is kept for the status.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/generations.h"
#include "supervisor/reload_requests.h"
#include "supervisor/restart_policy.h"
#include "supervisor/state.h"
#include "supervisor/watchers.h"

namespace evermilter::supervisor {

class Reloads {
  public:
    struct Handlers {
        // The first load was refused, and so was every snapshot of an earlier generation.
        std::function<void(int exit_code, const std::string& error)> first_refused;
        std::function<void()> changed;
    };

    Reloads(Loop* loop, State& state, Generations& generations, const Settings& settings, Handlers handlers);

    void request(const ReloadRequest& request, ReloadCallback done);
    // A load with settings that are not taken over yet; it is done even if the database has not changed.
    void request_with(std::shared_ptr<const Settings> settings, ReloadCallback done);
    // Calls `caller` from the loop.
    void answer_soon(ReloadCallback caller, const ReloadOutcome& outcome);
    // The active generation cannot replace its scanners any more: the same content is loaded again.
    void restore_active(const std::string& reason);
    // No load starts from now on; callers that wait are told so.
    void stop();

    // From Generations.
    void load_ended(const LoadOutcome& outcome);
    void room() { soon(); }

  private:
    struct Answer {
        ReloadCallback caller;
        ReloadOutcome outcome;
    };

    void soon();
    void step();
    void start(LoadRequest load);
    void finish(const LoadOutcome& outcome);
    void restore(const std::string& snapshot, const std::string& reason);
    void restore_refused(int exit_code, const std::string& error);
    void restore_later();
    [[nodiscard]] Result<LoadRequest> to_load(const ReloadRequest& request) const;

    State& state_;
    Generations& generations_;
    const Settings& settings_;
    Handlers handlers_;
    ReloadRequests requests_;
    std::optional<ReloadBatch> running_;
    LoadRequest load_;        // of running_
    bool load_again_ = false; // running_'s load was starved; it begins again when its loader is reaped
    std::vector<Answer> answers_;
    bool ever_active_ = false;
    bool restoring_ = false; // what runs was asked for by nobody but restore()
    bool stopped_ = false;
    std::vector<std::string> fallbacks_; // snapshots to try, best last, where the first load was refused
    std::optional<LoadOutcome> first_refusal_;
    std::string last_snapshot_;  // of the generation that was active last
    std::string restore_wanted_; // of restore()
    std::string restore_reason_;
    unsigned restore_tries_ = 0;   // of what is loaded for it
    std::string restore_snapshot_; // not empty: what is to be loaded for it: that one or, if it cannot be, an older
    RestartPolicy restore_policy_;
    std::minstd_rand random_;
    TimerWatcher soon_timer_;
    TimerWatcher restore_timer_;
};

} // namespace evermilter::supervisor
