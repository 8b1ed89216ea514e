// Reloads: takes orders, does one after the other when there is room for another engine, and tells each caller how its
// own ended. Whether reloading is held and what a rollback goes back to is judged when the order's turn comes. A
// refused load leaves everything as it was; its reason is kept for the status, and what time can heal is tried again.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/children/restart_policy.h"
#include "supervisor/files/file_writer.h"
#include "supervisor/generations/generations.h"
#include "supervisor/generations/reload_orders.h"
#include "supervisor/generations/rollback.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class Reloads {
  public:
    struct Handlers {
        // A load was refused, and so was every snapshot of an earlier generation; none has been active yet.
        std::function<void(const std::string& error)> first_refused;
        std::function<void()> changed;
    };

    Reloads(Loop* loop, State& state, Generations& generations, const Settings& settings, Handlers handlers);

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
    // The active generation cannot replace its scanners any more: the same content is loaded again.
    void restore_active(const std::string& reason);
    // No load starts from now on; callers that wait are told so.
    void stop();

    // What it held is gone.
    void state_directory_made();
    // The settings have changed, database.vanished_after maybe.
    void look_now();

    // From Generations.
    void load_ended(const LoadOutcome& outcome);
    void room() { soon(); }

  private:
    // What is refused for a reason that may pass is tried again after so long, and so long at most.
    static constexpr RestartPolicy::Limits kRetry = {.first = std::chrono::seconds(2),
                                                     .longest = std::chrono::minutes(5)};
    // What could not be recorded is tried again after so long, until it is.
    static constexpr std::chrono::seconds kRecordAgain{5};

    struct Answer {
        ReloadCallback caller;
        ReloadOutcome outcome;
    };
    // What a load is for.
    enum class Purpose : std::uint8_t {
        order,
        fall_back, // the first load was refused: an older snapshot
        restore,   // what served has died: nobody has asked
    };

    void soon();
    void step();
    void add(const ReloadRequest& request, std::shared_ptr<const Settings> settings, ReloadCallback done);
    void begin_order();
    void begin_restore();
    void begin_fall_back();
    void start(LoadRequest load);
    void finish(const LoadOutcome& outcome);
    void answer_all(ReloadOrder& order, ReloadOutcome outcome);
    [[nodiscard]] ReloadOutcome refusal(const std::string& error) const;

    // reloads_orders.cc: what an order loads, and what its end decides.
    [[nodiscard]] Result<LoadRequest> to_load(ReloadOrder& order);
    [[nodiscard]] Result<LoadRequest> to_roll_back(ReloadOrder& order);
    [[nodiscard]] LoadRequest to_start();
    [[nodiscard]] std::vector<StoredSnapshot> known_snapshots() const;
    [[nodiscard]] bool try_next_snapshot(ReloadOrder& order, const LoadOutcome& outcome);
    void decide(const ReloadOrder& order, const LoadOutcome& outcome);
    void decided_hold();
    void set_hold(const std::string& by, const std::string& why);
    void end_hold(const std::string& by);
    void hold_what_serves();
    void look_at_staleness(const ReloadOrder& order, const LoadOutcome& outcome);
    void record();
    void recorded(const Result<void>& written);

    // reloads_restore.cc: what served is loaded again.
    void restore(const std::string& snapshot, const std::string& reason);
    void restore_refused(int exit_code, const std::string& error);
    void restore_later();

    State& state_;
    Generations& generations_;
    const Settings& settings_;
    Handlers handlers_;
    ReloadOrders orders_;
    std::optional<ReloadOrder> running_;
    Purpose purpose_ = Purpose::order; // of running_
    std::string digest_before_;        // of what served when running_ began
    LoadRequest load_;                 // of running_
    bool load_again_ = false;          // running_'s load was starved; it begins again when its loader is reaped
    std::vector<Answer> answers_;
    bool ever_active_ = false;
    bool stopped_ = false;
    std::deque<LoadRequest> fallbacks_;        // to try, best first, where the first load was refused
    std::optional<LoadOutcome> first_refusal_; // what was refused last, of what was asked for before there was any
    std::string last_snapshot_;                // of the generation that was active last
    std::string restore_wanted_;               // of restore()
    std::string restore_reason_;
    unsigned restore_tries_ = 0;   // of what is loaded for it
    std::string restore_snapshot_; // not empty: what is to be loaded for it: that one or, if it cannot be, an older
    RestartPolicy restore_policy_;
    RestartPolicy retry_policy_; // of refusals that time can heal
    // The retry waits until what has vanished last, at this time, is given up; 0: it does not.
    std::int64_t vanished_ns_ = 0;
    std::minstd_rand random_;
    std::optional<Decisions> recorded_ = Decisions{}; // as the file has them, or will have; empty: not known
    FileWriter writer_;
    TimerWatcher record_timer_;
    TimerWatcher soon_timer_;
    TimerWatcher restore_timer_;
    TimerWatcher retry_timer_;
};

} // namespace evermilter::supervisor
