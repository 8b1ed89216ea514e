#include "supervisor/generations/recovery.h"

#include <sysexits.h>

#include <algorithm>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// Before a refusal that may pass is tried again.
constexpr RestartPolicy::Limits kRetry{.first = 2s, .longest = 5min};
// The first load, until there is one.
constexpr RestartPolicy::Limits kFirstLoad{.first = 2s, .longest = 30s, .degraded_after = 1};
// A generation that has lived so long has proven that it can serve: its successor is loaded without delay.
constexpr Moment kProven = 1min;

// The snapshot cannot be loaded, whenever that is tried.
bool unusable(int exit_code) {
    return exit_code == EX_DATAERR || exit_code == EX_NOINPUT || exit_code == EX_NOPERM;
}

LoadPlan plan_of(const std::string& snapshot) {
    return LoadPlan{.compare = Comparison::none, .reuse_snapshot = snapshot};
}

void add_due(std::optional<Moment>& first, std::optional<Moment> at) {
    if (at && (!first || *at < *first)) first = at;
}

} // namespace

Recovery::Recovery(Chance chance) : chance_(std::move(chance)), first_policy_(kFirstLoad), retry_policy_(kRetry) {}

bool Recovery::begins_again(LoadPlan& plan, const LoadOutcome& outcome) {
    if (outcome.how == LoadOutcome::How::starved) {
        plan.low_priority = false;
        return true;
    }
    // Of a file, most likely: trying each alone finds it.
    if (!outcome.crashed || !plan.reuse_snapshot.empty() || plan.check_files) return false;
    plan.check_files = true;
    return true;
}

void Recovery::ended(const EndedLoad& load, Moment now) {
    const bool ok = load.outcome.how != LoadOutcome::How::refused;
    if (load.outcome.how == LoadOutcome::How::active) {
        became_active(load, now);
    } else if (stopped_) {
        return;
    } else if (ok && !recovers()) {
        reason_.clear();
    } else if (load.purpose == LoadPurpose::recover) {
        recovery_refused(load, now);
    } else if (ever_active_ && !load.something_serves && !recovers()) {
        // reload.mode = "replace": what served had to end before it was known that this would be refused.
        recover(last_snapshot_, "a reload was refused, the former database is loaded again: " + load.outcome.error,
                now);
    }
    if (!ok && !ever_active_) first_load_refused(load, now);
}

void Recovery::became_active(const EndedLoad& load, Moment now) {
    ever_active_ = true;
    last_snapshot_ = load.active_snapshot;
    const bool recovered = load.purpose == LoadPurpose::recover;
    if (!recovered) recover_policy_.proven();
    if (!recovered || snapshot_ == wanted_) reason_.clear();
    snapshot_.clear();
    if (load.purpose == LoadPurpose::fall_back && first_refusal_ && first_refusal_->may_pass && !stopped_)
        retry_at_ = now + kRetry.first;
    first_load_at_.reset();
    fall_backs_.clear();
    if (!std::exchange(unserved_, {}).empty()) first_policy_.proven();
}

// ---------------------------------------------------------------- the first load

void Recovery::first_load_refused(const EndedLoad& load, Moment now) {
    const bool first = !first_refusal_;
    if (load.purpose == LoadPurpose::order) first_refusal_ = load.outcome;
    if (first) {
        for (const StoredSnapshot& one : load.known)
            if (one.path != load.plan.reuse_snapshot) fall_backs_.push_back(plan_of(one.path));
        // What was held cannot be loaded, and nothing else: what the directory has is better than nothing.
        if (load.held_at_start) fall_backs_.push_back({});
    }
    if (!fall_backs_.empty()) return;
    unserved_ = first_refusal_->error;
    first_policy_.failed(now, chance_());
    first_load_at_ = std::max(now, first_policy_.not_before());
}

LoadPlan Recovery::take_fall_back() {
    LoadPlan plan = std::move(fall_backs_.front());
    fall_backs_.pop_front();
    return plan;
}

bool Recovery::take_first_load(Moment now) {
    if (!first_load_at_ || now < *first_load_at_) return false;
    first_load_at_.reset();
    return true;
}

// ---------------------------------------------------------------- what served has died

void Recovery::lost(const std::string& snapshot, const std::string& reason, Moment since, Moment now) {
    if (stopped_) return;
    if (now - since > kProven) recover_policy_.proven();
    recover(snapshot, reason, now);
}

void Recovery::recover(const std::string& snapshot, const std::string& reason, Moment now) {
    reason_ = reason;
    why_ = reason;
    wanted_ = snapshot;
    snapshot_ = snapshot;
    tries_ = 0;
    recover_later(now);
}

void Recovery::recover_later(Moment now) {
    recover_policy_.failed(now, chance_());
    recover_at_ = std::max(now, recover_policy_.not_before());
}

// What served last cannot be loaded. Where nothing serves, the next older snapshot is tried at once, unless it may not
// be the snapshot's fault and is the first time; after the oldest, the first is tried again, later. While scanners
// still serve they are better than anything older.
void Recovery::recovery_refused(const EndedLoad& load, Moment now) {
    const std::string& error = load.outcome.error;
    if (snapshot_ == wanted_) reason_ = why_ + ", and no other could be loaded yet: " + error;
    if (++tries_ == 1 && !unusable(load.outcome.exit_code)) return recover_later(now);
    tries_ = 0;
    auto next = std::find_if(load.known.begin(), load.known.end(),
                             [this](const StoredSnapshot& one) { return one.path == snapshot_; });
    if (next != load.known.end()) ++next;
    if (next == load.known.end() || load.something_serves) {
        snapshot_ = wanted_;
        return recover_later(now);
    }
    if (snapshot_ == wanted_)
        reason_ = "the database that served cannot be loaded again, an older snapshot of it is used instead: " + error;
    snapshot_ = next->path;
    recover_at_ = now;
    log::warning("falling-back", {{"snapshot", snapshot_}});
}

LoadPlan Recovery::recovery_plan() const {
    return plan_of(snapshot_);
}

// ---------------------------------------------------------------- what the directory holds

void Recovery::directory_taken() {
    retry_policy_ = RestartPolicy(kRetry);
    retry_at_.reset();
}

void Recovery::directory_refused(bool may_pass, std::optional<Moment> given_up, Moment now) {
    if (!ever_active_ || stopped_) return;
    if (given_up) retry_at_ = std::max(now, *given_up);
    awaits_giving_up_ = given_up.has_value() && !may_pass;
    if (!may_pass) return;
    retry_policy_.failed(now, chance_());
    retry_at_ = std::max(now, retry_policy_.not_before());
}

void Recovery::gives_up_at(Moment given_up, Moment now) {
    if (retry_at_ && awaits_giving_up_) retry_at_ = std::max(now, given_up);
}

bool Recovery::take_retry(Moment now) {
    if (!retry_at_ || now < *retry_at_) return false;
    retry_at_.reset();
    return true;
}

// ---------------------------------------------------------------- time

void Recovery::stop() {
    stopped_ = true;
    fall_backs_.clear();
    snapshot_.clear();
    retry_at_.reset();
    first_load_at_.reset();
}

std::optional<Moment> Recovery::due(Moment now) const {
    std::optional<Moment> first = retry_at_;
    add_due(first, first_load_at_);
    if (recovers() && now < recover_at_) add_due(first, recover_at_);
    return first;
}

} // namespace evermilter::supervisor
