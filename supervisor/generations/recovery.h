// What is loaded although nobody has ordered it, and when: after the first load was refused, after the processes of
// what served have died, after a refusal that time can heal, and after a load that was starved or died of a file. Only
// decides; Reloads does it. Pure: clock and chance are handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/children/restart_policy.h"
#include "supervisor/generations/load_plan.h"
#include "supervisor/generations/snapshots.h"
#include "supervisor/time_source.h"

namespace evermilter::supervisor {

// What a load was for.
enum class LoadPurpose : std::uint8_t {
    order,     // somebody's
    fall_back, // the first load was refused: an older snapshot
    recover,   // what served has died
};

// How a load ended, as recovery sees it.
struct EndedLoad {
    const LoadOutcome& outcome;
    LoadPurpose purpose = LoadPurpose::order;
    const LoadPlan& plan;
    bool held_at_start = false;             // it was the first load, of what was held before the start
    bool something_serves = false;          // after it
    std::string active_snapshot = {};       // of that
    std::vector<StoredSnapshot> known = {}; // to serve with where it was refused; best first
};

class Recovery {
  public:
    using Chance = std::function<double()>;

    explicit Recovery(Chance chance);

    // The same is loaded again at once, as `plan` is then.
    [[nodiscard]] static bool begins_again(LoadPlan& plan, const LoadOutcome& outcome);

    // All but the loads that begin again.
    void ended(const EndedLoad& load, Moment now);
    // The processes of the active generation died, which had served since `since`: its content is to be loaded again.
    void lost(const std::string& snapshot, const std::string& reason, Moment since, Moment now);
    // What the directory holds was taken, or is what is served.
    void directory_taken();
    // What the directory holds was refused. `given_up`: when a database that is missing will be given up.
    void directory_refused(bool may_pass, std::optional<Moment> given_up, Moment now);
    // The same, where the settings have changed and nothing else was wrong.
    void gives_up_at(Moment given_up, Moment now);
    // Nothing is loaded from now on.
    void stop();

    // An older snapshot is to be loaded, because the first load was refused: before anything that was ordered, which
    // would load what was just refused.
    [[nodiscard]] bool falls_back() const { return !fall_backs_.empty() && !ever_active_; }
    [[nodiscard]] LoadPlan take_fall_back();
    // What served is to be loaded again, sooner or later; now.
    [[nodiscard]] bool recovers() const { return !snapshot_.empty(); }
    [[nodiscard]] bool recovers_now(Moment now) const { return recovers() && now >= recover_at_; }
    [[nodiscard]] LoadPlan recovery_plan() const;
    // The directory is to be tried again, as an order of its own: after a refusal; while there is no generation yet.
    [[nodiscard]] bool take_retry(Moment now);
    [[nodiscard]] bool take_first_load(Moment now);
    // When one of the three above will be another.
    [[nodiscard]] std::optional<Moment> due(Moment now) const;

    [[nodiscard]] bool ever_active() const noexcept { return ever_active_; }
    // Why something else is served than what was, or only by what is left of it; "": no reason.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    // Why nothing can be loaded, and no generation has been active yet; "": there is one, or there are snapshots to
    // try.
    [[nodiscard]] const std::string& unserved() const noexcept { return unserved_; }

  private:
    void became_active(const EndedLoad& load, Moment now);
    void recover(const std::string& snapshot, const std::string& reason, Moment now);
    void recover_later(Moment now);
    void recovery_refused(const EndedLoad& load, Moment now);
    void first_load_refused(const EndedLoad& load, Moment now);

    Chance chance_;
    bool ever_active_ = false;
    bool stopped_ = false;
    std::string reason_;
    std::string last_snapshot_; // of the generation that was active last

    // The first load.
    std::deque<LoadPlan> fall_backs_;          // to try, best first
    std::optional<LoadOutcome> first_refusal_; // the last refusal of an order before any generation was active
    std::string unserved_;
    RestartPolicy first_policy_;
    std::optional<Moment> first_load_at_;

    // What served has died.
    std::string wanted_;   // its snapshot
    std::string why_;      // it is to be loaded again
    std::string snapshot_; // the one to be loaded for it: that one or, if it cannot be, an older; empty: none
    unsigned tries_ = 0;   // of that one
    Moment recover_at_{};
    RestartPolicy recover_policy_;

    // What the directory holds was refused.
    RestartPolicy retry_policy_;
    std::optional<Moment> retry_at_;
    bool awaits_giving_up_ = false; // retry_at_ is when a missing database will be given up
};

} // namespace evermilter::supervisor
