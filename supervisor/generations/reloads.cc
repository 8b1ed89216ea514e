#include "supervisor/generations/reloads.h"

#include <sysexits.h>

#include <chrono>
#include <ctime>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {

Reloads::Reloads(Loop* loop, State& state, Generations& generations, const Settings& settings, Handlers handlers)
    : state_(state),
      generations_(generations),
      settings_(settings),
      handlers_(std::move(handlers)),
      retry_policy_(kRetry),
      random_(static_cast<std::minstd_rand::result_type>(monotonic_ns())),
      writer_(loop, [this](const Result<void>& written) { recorded(written); }),
      record_timer_(loop, [this] { record(); }),
      soon_timer_(loop, [this] { step(); }),
      restore_timer_(loop, [this] { step(); }),
      retry_timer_(loop, [this] {
          log::info("reload-asked", {{"by", "another try after a refusal"}});
          request(ReloadRequest{.kind = ReloadKind::automatic, .by = "another try"}, {});
      }) {}

void Reloads::request(const ReloadRequest& request, ReloadCallback done) {
    add(request, {}, std::move(done));
}

void Reloads::request_with(std::shared_ptr<const Settings> settings, ReloadCallback done) {
    add(ReloadRequest{}, std::move(settings), std::move(done));
}

void Reloads::add(const ReloadRequest& request, std::shared_ptr<const Settings> settings, ReloadCallback done) {
    if (stopped_) return answer_soon(std::move(done), refusal("the service stops"));
    if (!orders_.add(request, std::move(settings), done, monotonic_ns()))
        return answer_soon(std::move(done), refusal("too many reloads wait already"));
    soon();
}

ReloadOutcome Reloads::refusal(const std::string& error) const {
    ReloadOutcome outcome;
    outcome.error = error;
    outcome.generation = state_.current_generation;
    outcome.held = state_.decisions.hold.has_value();
    return outcome;
}

void Reloads::stop() {
    stopped_ = true;
    restore_timer_.stop();
    retry_timer_.stop();
    record_timer_.stop();
    const ReloadOutcome refused = refusal("the service stops");
    if (std::exchange(load_again_, false))
        finish(LoadOutcome{LoadResult::refused, state_.current_generation, EX_TEMPFAIL, refused.error});
    while (!orders_.empty()) {
        ReloadOrder order = orders_.take();
        answer_all(order, refused);
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

void Reloads::answer_all(ReloadOrder& order, ReloadOutcome outcome) {
    outcome.seconds = static_cast<double>(monotonic_ns() - order.since_ns) / 1e9;
    for (ReloadCallback& caller : order.callers) answer_soon(std::move(caller), outcome);
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
    // Without a load, so that nothing has to end for it.
    while (!orders_.empty() && orders_.front().request.kind == ReloadKind::automatic && state_.decisions.hold) {
        ReloadOrder order = orders_.take();
        log::info("reload-held", {{"by", order.request.by}, {"held_by", state_.decisions.hold->by}});
        answer_all(order, refusal("reloading by itself is held"));
    }
    const bool restore_due = !restore_snapshot_.empty() && !restore_timer_.active();
    const bool fall_back = !fallbacks_.empty() && !ever_active_;
    if (orders_.empty() && !restore_due && !fall_back) return;
    if (!generations_.may_load()) {
        // Its exit, reaped, brings us here again.
        generations_.retire_draining();
        return;
    }
    digest_before_.clear();
    if (const Generation* active = state_.active_generation()) digest_before_ = active->digest;
    // Where nothing serves, what did comes before what was asked for.
    const bool nothing_serves = ever_active_ && state_.active_generation() == nullptr;
    if (fall_back)
        begin_fall_back(); // before anything else that was asked for: it would load what was just refused
    else if (orders_.empty() || (restore_due && nothing_serves))
        begin_restore();
    else
        begin_order();
}

void Reloads::begin_fall_back() {
    purpose_ = Purpose::fall_back;
    running_.emplace().since_ns = monotonic_ns();
    LoadRequest load = std::move(fallbacks_.front());
    fallbacks_.pop_front();
    log::warning("falling-back", {{"snapshot", load.reuse_snapshot.empty() ? settings_.config.database.directory
                                                                           : load.reuse_snapshot}});
    start(std::move(load));
}

void Reloads::begin_restore() {
    purpose_ = Purpose::restore;
    running_.emplace().since_ns = monotonic_ns();
    LoadRequest load;
    load.restore = true;
    load.reuse_snapshot = restore_snapshot_;
    start(std::move(load));
}

void Reloads::begin_order() {
    purpose_ = Purpose::order;
    running_ = orders_.take();
    auto load = to_load(*running_);
    if (!load) {
        ReloadOrder order = std::move(*std::exchange(running_, std::nullopt));
        answer_all(order, refusal(load.error().what));
        soon();
        return;
    }
    // A rollback to what is served.
    const Generation* active = state_.active_generation();
    if (running_->request.kind == ReloadKind::roll_back && active != nullptr &&
        active->snapshot == load->reuse_snapshot) {
        LoadOutcome outcome;
        outcome.result = LoadResult::unchanged;
        outcome.generation = active->id;
        return finish(outcome);
    }
    // A loader that died must be replaced even where nothing has changed.
    if (!restore_snapshot_.empty()) {
        load->restore = true;
        load->keep_all = load->keep_all || !load->settings;
    }
    start(std::move(*load));
}

void Reloads::start(LoadRequest load) {
    load_ = std::move(load);
    if (auto started = generations_.start_load(load_); !started) {
        LoadOutcome outcome;
        outcome.generation = state_.current_generation;
        outcome.exit_code = EX_OSERR;
        outcome.may_pass = true;
        outcome.error = started.error().what;
        finish(outcome);
    }
}

void Reloads::load_ended(const LoadOutcome& outcome) {
    if (outcome.result == LoadResult::starved) {
        load_.low_priority = false;
    } else if (outcome.crashed && load_.reuse_snapshot.empty() && !load_.check_files && !stopped_) {
        // Of a file, most likely: which one is found by trying them.
        log::warning("load-crashed", {{"error", outcome.error}, {"remedy", "begun again, with files tried alone"}});
        load_.check_files = true;
    } else {
        return finish(outcome);
    }
    load_again_ = true;
    soon();
}

void Reloads::finish(const LoadOutcome& outcome) {
    ReloadOrder order;
    order.since_ns = monotonic_ns();
    if (running_) order = std::move(*running_);
    running_.reset();
    const Purpose purpose = std::exchange(purpose_, Purpose::order);
    if (purpose == Purpose::order && try_next_snapshot(order, outcome)) return;

    const bool ok = outcome.result != LoadResult::refused;
    ++(ok ? state_.counters.reloads_ok : state_.counters.reloads_failed);
    // What the directory holds stays refused, whatever an earlier snapshot is good for.
    if (purpose == Purpose::order) {
        const double seconds = static_cast<double>(monotonic_ns() - order.since_ns) / 1e9;
        state_.last_reload = LastReload{ok, outcome.error, seconds, std::time(nullptr)};
        look_at_staleness(order, outcome);
    }
    if (outcome.result == LoadResult::active) {
        ever_active_ = true;
        if (const Generation* active = state_.active_generation()) last_snapshot_ = active->snapshot;
        if (purpose != Purpose::restore) restore_policy_.proven();
        if (purpose != Purpose::restore || restore_snapshot_ == restore_wanted_) state_.degraded_reason.clear();
        restore_snapshot_.clear();
        restore_timer_.stop();
        if (purpose == Purpose::fall_back && first_refusal_->may_pass) retry_timer_.start(kRetry.first);
    } else if (ok && restore_snapshot_.empty()) {
        state_.degraded_reason.clear();
    } else if (purpose == Purpose::restore) {
        restore_refused(outcome.exit_code, outcome.error);
    } else if (ever_active_ && !stopped_ && state_.active_generation() == nullptr && restore_snapshot_.empty()) {
        // reload.mode = "replace": what served had to end before it was known that this would be refused.
        restore(last_snapshot_, "a reload was refused, the former database is loaded again: " + outcome.error);
    }
    if (purpose == Purpose::order) decide(order, outcome);
    if (ok) hold_what_serves();

    ReloadOutcome result = refusal(outcome.error);
    result.ok = ok;
    result.changed = outcome.result == LoadResult::active;
    if (const Generation* active = state_.active_generation()) {
        result.content_of = snapshot_id(active->snapshot);
        if (ok) result.warnings = active->broken;
        if (result.changed) result.warnings.insert(result.warnings.end(), active->notes.begin(), active->notes.end());
    }
    answer_all(order, result);
    handlers_.changed();
    soon();
    if (ok || ever_active_ || stopped_) return;
    const bool first = !first_refusal_;
    if (purpose == Purpose::order) first_refusal_ = outcome;
    if (first) {
        const bool held = order.request.kind == ReloadKind::start && !load_.reuse_snapshot.empty();
        for (const StoredSnapshot& one : best_first(known_snapshots(), state_.decisions)) {
            if (one.path != load_.reuse_snapshot) fallbacks_.push_back({.restore = true, .reuse_snapshot = one.path});
        }
        // What was held cannot be loaded, and nothing else: what the directory has is better than nothing.
        if (held) fallbacks_.push_back({});
    }
    if (fallbacks_.empty()) handlers_.first_refused(first_refusal_->error);
}

} // namespace evermilter::supervisor
