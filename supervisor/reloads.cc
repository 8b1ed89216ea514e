#include "supervisor/reloads.h"

#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "supervisor/snapshots.h"
#include "workers/common/log.h"

namespace evermilter::supervisor {
namespace {

// A generation that has lived so long has proven that it can serve: the next one is loaded without delay.
constexpr std::chrono::nanoseconds kProven = std::chrono::minutes(1);

} // namespace

Reloads::Reloads(Loop* loop, State& state, Generations& generations, const Settings& settings, Handlers handlers)
    : state_(state),
      generations_(generations),
      settings_(settings),
      handlers_(std::move(handlers)),
      random_(static_cast<std::minstd_rand::result_type>(monotonic_ns())),
      soon_timer_(loop, [this] { step(); }),
      restore_timer_(loop, [this] { step(); }) {}

void Reloads::request(const ReloadRequest& request, ReloadCallback done) {
    ReloadOutcome refused;
    refused.generation = state_.current_generation;
    if (stopped_) {
        refused.error = "the service stops";
        answer_soon(std::move(done), refused);
        return;
    }
    if (request.by_itself && state_.hold) {
        refused.error = "reloading by itself is held";
        answer_soon(std::move(done), refused);
        return;
    }
    if (!request.by_itself && state_.hold && !request.rollback) {
        state_.hold = false;
        log::info("hold-ended", {{"reason", "an explicit reload"}});
    }
    requests_.add(request, std::move(done), monotonic_ns());
    soon();
}

void Reloads::request_with(std::shared_ptr<const Settings> settings, ReloadCallback done) {
    if (stopped_) {
        ReloadOutcome refused;
        refused.error = "the service stops";
        answer_soon(std::move(done), refused);
        return;
    }
    requests_.add_settings(std::move(settings), std::move(done), monotonic_ns());
    soon();
}

void Reloads::restore_active(const std::string& reason) {
    const Generation* active = state_.active_generation();
    if (stopped_ || active == nullptr) return;
    if (monotonic_ns() - active->load_started_ns > kProven.count()) restore_policy_.proven();
    restore(active->snapshot, reason);
}

void Reloads::restore(const std::string& snapshot, const std::string& reason) {
    state_.degraded_reason = reason;
    restore_reason_ = reason;
    restore_wanted_ = snapshot;
    restore_snapshot_ = snapshot;
    restore_tries_ = 0;
    restore_later();
    handlers_.changed();
}

// What served last cannot be loaded. Where nothing serves, the next older snapshot is tried at once, unless it may not
// be the snapshot's fault and is the first time; after the oldest it is tried again itself, later. While its scanners
// still serve they are better than anything older.
void Reloads::restore_refused(int exit_code, const std::string& error) {
    if (restore_snapshot_ == restore_wanted_)
        state_.degraded_reason = restore_reason_ + ", and no other could be loaded yet: " + error;
    const bool unusable = exit_code == EX_DATAERR || exit_code == EX_NOINPUT || exit_code == EX_NOPERM;
    if (++restore_tries_ == 1 && !unusable) {
        restore_later();
        return;
    }
    restore_tries_ = 0;
    const auto known = proven_snapshots(settings_.config.database.state_directory);
    auto next = std::find(known.begin(), known.end(), restore_snapshot_);
    if (next != known.end()) ++next;
    if (next == known.end() || state_.active_generation() != nullptr) {
        restore_snapshot_ = restore_wanted_;
        restore_later();
        return;
    }
    if (restore_snapshot_ == restore_wanted_)
        state_.degraded_reason =
            "the database that served cannot be loaded again, an older snapshot of it is used instead: " + error;
    restore_snapshot_ = *next;
    log::warning("falling-back", {{"snapshot", restore_snapshot_}});
}

void Reloads::restore_later() {
    const std::chrono::nanoseconds now(monotonic_ns());
    restore_policy_.failed(now, std::uniform_real_distribution<double>(0.0, 1.0)(random_));
    restore_timer_.start(std::max(restore_policy_.not_before() - now, std::chrono::nanoseconds(0)));
}

void Reloads::stop() {
    stopped_ = true;
    restore_timer_.stop();
    ReloadOutcome refused;
    refused.error = "the service stops";
    refused.generation = state_.current_generation;
    if (std::exchange(load_again_, false))
        finish(LoadOutcome{LoadResult::refused, state_.current_generation, EX_TEMPFAIL, refused.error});
    if (!requests_.empty()) {
        for (ReloadCallback& caller : requests_.take().callers) answer_soon(std::move(caller), refused);
    }
}

void Reloads::soon() {
    if (!soon_timer_.active()) soon_timer_.start(std::chrono::nanoseconds(0));
}

void Reloads::answer_soon(ReloadCallback caller, const ReloadOutcome& outcome) {
    if (!caller) return;
    answers_.push_back(Answer{std::move(caller), outcome});
    soon();
}

Result<LoadRequest> Reloads::to_load(const ReloadRequest& request) const {
    LoadRequest load;
    load.force = request.force;
    if (!request.rollback) return load;
    load.restore = true;
    const Generation* target = nullptr;
    for (const Generation& one : state_.generations) {
        const bool wanted =
            request.rollback_to == 0 ? one.id < state_.current_generation : one.id == request.rollback_to;
        if (wanted && one.loaded && !one.snapshot.empty()) target = &one;
    }
    if (target == nullptr) return Error{0, "there is no such generation with a snapshot"};
    load.reuse_snapshot = target->snapshot;
    return load;
}

// Starts what can be started, and answers what is to be answered. Only called from the loop.
void Reloads::step() {
    auto answers = std::move(answers_);
    answers_.clear();
    for (const Answer& one : answers) one.caller(one.outcome);

    if (stopped_ || generations_.loading()) return;
    if (load_again_) {
        if (!generations_.may_load()) return; // its loader's exit, reaped, brings us here again
        load_again_ = false;
        return start(std::move(load_));
    }
    if (running_) return;
    const bool restore_due = !restore_snapshot_.empty() && !restore_timer_.active();
    const bool fall_back = !fallbacks_.empty() && !ever_active_;
    if (requests_.empty() && !restore_due && !fall_back) return;
    if (!generations_.may_load()) {
        // Its exit, reaped, brings us here again.
        generations_.retire_draining();
        return;
    }
    LoadRequest load;
    restoring_ = false;
    // Where nothing serves, what did comes before what was asked for.
    const bool nothing_serves = ever_active_ && state_.active_generation() == nullptr;
    if (fall_back) {
        // Before anything else that was asked for: it would load what was just refused.
        running_.emplace();
        running_->since_ns = monotonic_ns();
        load.restore = true;
        load.reuse_snapshot = std::move(fallbacks_.back());
        fallbacks_.pop_back();
        log::warning("falling-back", {{"snapshot", load.reuse_snapshot}});
    } else if (requests_.empty() || (restore_due && nothing_serves)) {
        restoring_ = true;
        running_.emplace();
        running_->since_ns = monotonic_ns();
        load.restore = true;
        load.reuse_snapshot = restore_snapshot_;
    } else {
        running_ = requests_.take();
        auto wanted = to_load(running_->request);
        if (!wanted) {
            finish(LoadOutcome{LoadResult::refused, state_.current_generation, EX_USAGE, wanted.error().what});
            return;
        }
        load = std::move(*wanted);
        load.settings = running_->settings;
        if (load.settings) load.restore = true;
        // A loader that died must be replaced even where nothing has changed.
        if (!restore_snapshot_.empty()) load.restore = true;
    }
    start(std::move(load));
}

void Reloads::start(LoadRequest load) {
    load_ = std::move(load);
    if (auto started = generations_.start_load(load_); !started)
        finish(LoadOutcome{LoadResult::refused, state_.current_generation, EX_OSERR, started.error().what});
}

void Reloads::load_ended(const LoadOutcome& outcome) {
    if (outcome.result != LoadResult::starved) return finish(outcome);
    load_.polite = false;
    load_again_ = true;
    soon();
}

void Reloads::finish(const LoadOutcome& outcome) {
    const std::int64_t now = monotonic_ns();
    ReloadBatch batch;
    batch.since_ns = now;
    if (running_) batch = std::move(*running_);
    running_.reset();

    ReloadOutcome result;
    result.ok = outcome.result != LoadResult::refused;
    result.changed = outcome.result == LoadResult::active;
    result.error = outcome.error;
    result.generation = state_.current_generation;
    result.seconds = static_cast<double>(now - batch.since_ns) / 1e9;
    ++(result.ok ? state_.counters.reloads_ok : state_.counters.reloads_failed);
    const bool fallback = first_refusal_ && !ever_active_;
    const bool restored = std::exchange(restoring_, false);
    // What the directory holds stays refused, whatever an earlier snapshot is good for.
    if (!fallback && !restored)
        state_.last_reload = LastReload{result.ok, result.error, result.seconds, std::time(nullptr)};

    if (outcome.result == LoadResult::active) {
        ever_active_ = true;
        if (const Generation* active = state_.active_generation()) last_snapshot_ = active->snapshot;
        if (!restored) restore_policy_.proven();
        if (fallback) {
            state_.degraded_reason =
                "the database was refused at the start, an older snapshot of it serves: " + first_refusal_->error;
        } else if (!restored || restore_snapshot_ == restore_wanted_) {
            state_.degraded_reason.clear();
        }
        restore_snapshot_.clear();
        restore_timer_.stop();
        if (batch.request.rollback) state_.hold = true;
    } else if (result.ok && restore_snapshot_.empty()) {
        state_.degraded_reason.clear();
    } else if (restored) {
        restore_refused(outcome.exit_code, result.error);
    } else if (ever_active_ && !stopped_ && state_.active_generation() == nullptr && restore_snapshot_.empty()) {
        // reload.mode = "replace": what served had to end before it was known that this would be refused.
        restore(last_snapshot_, "a reload was refused, the former database is loaded again: " + result.error);
    }
    for (ReloadCallback& caller : batch.callers) answer_soon(std::move(caller), result);
    handlers_.changed();
    soon();
    if (result.ok || ever_active_ || stopped_) return;
    if (!first_refusal_) {
        first_refusal_ = outcome;
        fallbacks_ = proven_snapshots(settings_.config.database.state_directory);
        std::reverse(fallbacks_.begin(), fallbacks_.end());
    }
    if (fallbacks_.empty()) handlers_.first_refused(first_refusal_->exit_code, first_refusal_->error);
}

} // namespace evermilter::supervisor
