// Reloads: does the orders of the queue (load_queue.h) and what recovery wants (recovery.h) one after the other, when
// there is room for another engine, and gives each caller its answer. Whether reloading is held and what a rollback
// goes back to is judged when the order's turn comes. A refused load leaves everything as it was; its reason is kept
// for the status, and what time can heal is tried again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/generations/generations.h"
#include "supervisor/generations/load_plan.h"
#include "supervisor/generations/load_queue.h"
#include "supervisor/generations/plan_order.h"
#include "supervisor/generations/recovery.h"
#include "supervisor/generations/reload_decisions.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/time_source.h"

namespace evermilter::supervisor {

class Reloads {
  public:
    struct Handlers {
        // The first load was refused, and so was every snapshot of an earlier generation: no message can be scanned for
        // the time being. Loading is tried again until it succeeds; served() follows.
        std::function<void(const std::string& why)> unserved;
        std::function<void()> served;
        std::function<void()> changed;
        KnownSnapshots snapshots;
        ReloadDecisions::Write write_decisions; // decisions_written() follows
    };

    Reloads(TimeSource& time, State& state, Generations& generations, const Settings& settings, Handlers handlers);

    // Reads what was decided before the service was started, and orders the first load.
    void begin();
    void request(const ReloadRequest& request, ReloadCallback done);
    // A load with settings that are not taken over yet; it is done even if the database has not changed. While
    // reloading is held it loads what is served, not what the directory holds.
    void request_with(std::shared_ptr<const Settings> settings, ReloadCallback done);
    void hold(const std::string& by, const std::string& why);
    void resume(const std::string& by);
    // Calls `caller` from the loop.
    void answer_soon(ReloadCallback caller, const ReloadOutcome& outcome);
    // No load starts from now on; callers that wait are told so.
    void stop();

    // What it held is gone.
    void state_directory_made();
    void decisions_written(const Result<void>& result);
    // The settings have changed, database.vanished_after maybe.
    void look_now();

    // From Generations.
    void load_ended(const LoadOutcome& outcome);
    // The active generation cannot replace its scanners any more: the same content is loaded again.
    void lost_loader(const Generation& lost);
    void room() { soon(); }

  private:
    // The load that goes on, until finish().
    struct Current {
        LoadPurpose purpose = LoadPurpose::order;
        LoadPlan plan = {};
        bool begins_again = false; // it ended early, and begins again when its loader is reaped
    };

    void soon();
    void wake();
    void step();
    void begin_next();
    void begin_fall_back();
    void begin_order();
    void start(LoadPlan plan);
    void add(const ReloadRequest& request, std::shared_ptr<const Settings> settings, ReloadCallback done);
    void refuse_automatic_while_held();
    void finish(const LoadOutcome& outcome);
    void recover(const Current& ended, bool was_start, const LoadOutcome& outcome);
    void show_recovery();
    void look_at_staleness(const ReloadOrder& order, const LoadPlan& plan, const LoadOutcome& outcome);
    [[nodiscard]] ReloadOutcome refusal(const std::string& error) const;
    [[nodiscard]] LoadOutcome stopped() const;
    [[nodiscard]] ReloadOutcome answer_of(const LoadOutcome& outcome) const;
    [[nodiscard]] std::vector<StoredSnapshot> known_snapshots() const;

    TimeSource& time_;
    State& state_;
    Generations& generations_;
    const Settings& settings_;
    Handlers handlers_;
    LoadQueue queue_;
    Recovery recovery_;
    ReloadDecisions decisions_;
    std::optional<Current> current_;
    std::string digest_before_;         // of what served when it began
    std::optional<Moment> last_missed_; // when the last database that a refused load missed was first missed
    bool stopped_ = false;
    std::unique_ptr<Timer> soon_timer_;
    std::unique_ptr<Timer> wake_timer_; // when recovery wants something
};

} // namespace evermilter::supervisor
