#include "supervisor/generations/reloads.h"

#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "supervisor/generations/rollback.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

constexpr const char* kStops = "the service stops";

} // namespace

Reloads::Reloads(TimeSource& time, State& state, Generations& generations, const Settings& settings, Handlers handlers)
    : time_(time),
      state_(state),
      generations_(generations),
      settings_(settings),
      handlers_(std::move(handlers)),
      recovery_([this] { return time_.chance(); }),
      decisions_(time, state, settings,
                 [this](const std::string& path, const std::string& text) { handlers_.write_decisions(path, text); }),
      soon_timer_(time.timer([this] { step(); })),
      wake_timer_(time.timer([this] { wake(); })) {}

void Reloads::begin() {
    decisions_.read();
    request(ReloadRequest{.kind = ReloadKind::start, .by = "the start"}, {});
}

// ---------------------------------------------------------------- what is asked for

void Reloads::request(const ReloadRequest& request, ReloadCallback done) {
    add(request, {}, std::move(done));
}

void Reloads::request_with(std::shared_ptr<const Settings> settings, ReloadCallback done) {
    add(ReloadRequest{}, std::move(settings), std::move(done));
}

void Reloads::add(const ReloadRequest& request, std::shared_ptr<const Settings> settings, ReloadCallback done) {
    if (stopped_) return answer_soon(std::move(done), refusal(kStops));
    if (!queue_.add(request, std::move(settings), done, time_.now()))
        return answer_soon(std::move(done), refusal("too many reloads wait already"));
    soon();
}

void Reloads::answer_soon(ReloadCallback caller, const ReloadOutcome& outcome) {
    queue_.answer(std::move(caller), outcome);
    soon();
}

ReloadOutcome Reloads::refusal(const std::string& error) const {
    ReloadOutcome outcome;
    outcome.error = error;
    outcome.generation = state_.current_generation;
    outcome.held = state_.decisions.hold.has_value();
    return outcome;
}

void Reloads::hold(const std::string& by, const std::string& why) {
    queue_.hold_decided();
    decisions_.hold(by, why);
    handlers_.changed();
}

void Reloads::resume(const std::string& by) {
    queue_.hold_decided();
    decisions_.end_hold(by);
    request(ReloadRequest{.kind = ReloadKind::automatic, .by = "resume"}, {});
    handlers_.changed();
}

void Reloads::state_directory_made() {
    decisions_.state_directory_made();
}

void Reloads::decisions_written(const Result<void>& result) {
    decisions_.written(result);
    handlers_.changed();
}

void Reloads::stop() {
    stopped_ = true;
    recovery_.stop();
    decisions_.stop();
    wake_timer_->stop();
    if (current_ && current_->begins_again) finish(stopped());
    queue_.refuse_waiting(refusal(kStops), time_.now());
    soon();
}

LoadOutcome Reloads::stopped() const {
    return {.generation = state_.current_generation, .exit_code = EX_TEMPFAIL, .error = kStops};
}

// ---------------------------------------------------------------- what is done next

void Reloads::soon() {
    if (!soon_timer_->active()) soon_timer_->start(std::chrono::nanoseconds::zero());
}

// Recovery wants something. Its orders have their turn among the others.
void Reloads::wake() {
    const Moment now = time_.now();
    if (recovery_.take_retry(now)) {
        log::info("reload-asked", {{"by", "another try after a refusal"}});
        request(ReloadRequest{.kind = ReloadKind::automatic, .by = "another try"}, {});
    }
    if (recovery_.take_first_load(now)) request({.kind = ReloadKind::start, .by = "another try"}, {});
    show_recovery();
    step();
}

// Starts what can be started, and gives the answers that are due. Only called from the loop.
void Reloads::step() {
    for (const LoadQueue::Answer& one : queue_.take_answers()) one.caller(one.outcome);
    if (stopped_ || generations_.loading()) return;
    if (current_) {
        // Where there is no room, the exit of its loader, reaped, brings us here again.
        if (current_->begins_again && generations_.may_load()) start(std::move(current_->plan));
        return;
    }
    refuse_automatic_while_held();
    if (queue_.empty() && !recovery_.recovers_now(time_.now()) && !recovery_.falls_back()) return;
    if (generations_.may_load()) return begin_next();
    // Its exit, reaped, brings us here again.
    generations_.retire_draining();
}

// Without a load, so that nothing has to end for it.
void Reloads::refuse_automatic_while_held() {
    while (!queue_.empty() && queue_.front().request.kind == ReloadKind::automatic && state_.decisions.hold) {
        log::info("reload-held", {{"by", queue_.front().request.by}, {"held_by", state_.decisions.hold->by}});
        queue_.refuse_front(refusal("reloading by itself is held"), time_.now());
        soon();
    }
}

void Reloads::begin_next() {
    const Generation* active = state_.active_generation();
    digest_before_ = active == nullptr ? std::string() : active->digest;
    // Where nothing serves, what did comes before what was asked for.
    const bool nothing_serves = recovery_.ever_active() && active == nullptr;
    if (recovery_.falls_back()) {
        begin_fall_back();
    } else if (queue_.empty() || (nothing_serves && recovery_.recovers_now(time_.now()))) {
        current_ = Current{.purpose = LoadPurpose::recover};
        start(recovery_.recovery_plan());
    } else {
        begin_order();
    }
}

void Reloads::begin_fall_back() {
    LoadPlan plan = recovery_.take_fall_back();
    log::warning("falling-back", {{"snapshot", plan.reuse_snapshot.empty() ? settings_.config.database.directory
                                                                           : plan.reuse_snapshot}});
    current_ = Current{.purpose = LoadPurpose::fall_back};
    start(std::move(plan));
}

void Reloads::begin_order() {
    ReloadOrder& order = queue_.begin();
    auto plan = plan_order(order, state_, settings_, [this] { return known_snapshots(); });
    if (!plan) {
        queue_.done(refusal(plan.error().what), time_.now());
        return soon();
    }
    current_ = Current{.purpose = LoadPurpose::order, .plan = *plan};
    const Generation* active = state_.active_generation();
    const bool is_served = active != nullptr && active->snapshot == plan->reuse_snapshot;
    if (order.request.kind == ReloadKind::roll_back && is_served)
        return finish(LoadOutcome{.how = LoadOutcome::How::unchanged, .generation = active->id});
    // A loader that died must be replaced even where nothing has changed.
    if (recovery_.recovers() && plan->compare == Comparison::all) plan->compare = Comparison::databases;
    start(std::move(*plan));
}

void Reloads::start(LoadPlan plan) {
    current_->begins_again = false;
    current_->plan = std::move(plan);
    if (auto started = generations_.start_load(current_->plan); !started)
        finish(LoadOutcome{.generation = state_.current_generation,
                           .exit_code = EX_OSERR,
                           .error = started.error().what,
                           .may_pass = true});
}

std::vector<StoredSnapshot> Reloads::known_snapshots() const {
    auto known = handlers_.snapshots();
    // What the file beside a snapshot does not say, its generation may.
    for (StoredSnapshot& one : known) {
        if (!one.digest.empty()) continue;
        for (const Generation& generation : state_.generations)
            if (generation.snapshot == one.path) one.digest = generation.digest;
    }
    return known;
}

// ---------------------------------------------------------------- how it ended

void Reloads::load_ended(const LoadOutcome& outcome) {
    if (!current_) return;
    if (!Recovery::begins_again(current_->plan, outcome)) return finish(outcome);
    if (stopped_) return finish(stopped());
    if (outcome.crashed)
        log::warning("load-crashed", {{"error", outcome.error}, {"remedy", "begun again, with files tried alone"}});
    current_->begins_again = true;
    soon();
}

void Reloads::finish(const LoadOutcome& outcome) {
    const Current ended = *std::exchange(current_, std::nullopt);
    ReloadOrder* order = ended.purpose == LoadPurpose::order ? queue_.in_progress() : nullptr;
    if (order != nullptr && !stopped_ && tries_next_snapshot(*order, outcome)) {
        queue_.put_back();
        return soon();
    }
    const bool ok = outcome.how != LoadOutcome::How::refused;
    state_.counters.add("reloads", ok ? LoadEnd::ok : LoadEnd::failed);
    if (order != nullptr) {
        // What the directory holds stays refused, whatever an earlier snapshot is good for.
        const double seconds = std::chrono::duration<double>(time_.now() - order->since).count();
        state_.last_reload = LastReload{ok, outcome.error, seconds, time_.unix_time()};
        look_at_staleness(*order, ended.plan, outcome);
        decisions_.decide(*order, outcome, digest_before_);
    }
    recover(ended, order != nullptr && order->request.kind == ReloadKind::start, outcome);
    if (ok) decisions_.hold_what_serves();
    if (order != nullptr) queue_.done(answer_of(outcome), time_.now());
    handlers_.changed();
    soon();
}

ReloadOutcome Reloads::answer_of(const LoadOutcome& outcome) const {
    ReloadOutcome answer = refusal(outcome.error);
    answer.ok = outcome.how != LoadOutcome::How::refused;
    answer.changed = outcome.how == LoadOutcome::How::active;
    const Generation* active = state_.active_generation();
    if (active == nullptr) return answer;
    answer.content_of = snapshot_id(active->snapshot);
    if (answer.ok) answer.warnings = active->broken;
    if (answer.changed) answer.warnings.insert(answer.warnings.end(), active->notes.begin(), active->notes.end());
    return answer;
}

// Since when what the directory holds is not taken.
void Reloads::look_at_staleness(const ReloadOrder& order, const LoadPlan& plan, const LoadOutcome& outcome) {
    if (outcome.how != LoadOutcome::How::refused) {
        if (!plan.reuse_snapshot.empty() || order.request.kind == ReloadKind::roll_back) return;
        state_.stale.reset();
        state_.vanished.clear();
        recovery_.directory_taken();
        last_missed_.reset();
        return;
    }
    if (!reads_directory(order) || stopped_) return;
    const Moment now = time_.now();
    // When the last of them is given up, a load goes on without.
    last_missed_.reset();
    for (const std::string& name : outcome.vanished) {
        const Moment first_missed = state_.vanished.emplace(name, now).first->second;
        last_missed_ = std::max(last_missed_.value_or(Moment::zero()), first_missed);
    }
    std::optional<Moment> given_up;
    if (last_missed_) given_up = *last_missed_ + settings_.config.database.vanished_after;
    const std::int64_t since = state_.stale ? state_.stale->since : time_.unix_time();
    state_.stale = Stale{since, outcome.error};
    log::error("signatures-stale", {{"since", since}, {"reason", outcome.error}});
    recovery_.directory_refused(outcome.may_pass, given_up, now);
}

void Reloads::look_now() {
    if (!last_missed_ || stopped_) return;
    recovery_.gives_up_at(*last_missed_ + settings_.config.database.vanished_after, time_.now());
    show_recovery();
}

// ---------------------------------------------------------------- recovery

void Reloads::recover(const Current& ended, bool was_start, const LoadOutcome& outcome) {
    const Generation* active = state_.active_generation();
    EndedLoad load{.outcome = outcome, .purpose = ended.purpose, .plan = ended.plan};
    load.held_at_start = was_start && !ended.plan.reuse_snapshot.empty();
    load.something_serves = active != nullptr;
    if (active != nullptr) load.active_snapshot = active->snapshot;
    if (outcome.how == LoadOutcome::How::refused) load.known = best_first(known_snapshots(), state_.decisions);
    recovery_.ended(load, time_.now());
    show_recovery();
}

void Reloads::lost_loader(const Generation& lost) {
    if (stopped_) return;
    recovery_.lost(lost.snapshot, "the loader of generation " + std::to_string(lost.id) + " died", lost.load_started,
                   time_.now());
    show_recovery();
    handlers_.changed();
    soon();
}

// In the state, and in the timer.
void Reloads::show_recovery() {
    state_.degraded_reason = recovery_.reason();
    const std::string& error = recovery_.unserved();
    const std::string reason =
        error.empty() ? error : "no signatures are loaded, and no message can be scanned: " + error;
    if (std::exchange(state_.no_signatures, reason) != reason) {
        if (error.empty()) {
            handlers_.served();
        } else {
            log::error("no-signatures", {{"reason", error}, {"remedy", "loading is tried again by itself"}});
            handlers_.unserved(error);
        }
    }
    wake_timer_->stop();
    const Moment now = time_.now();
    if (const auto due = recovery_.due(now); due && !stopped_) wake_timer_->start(std::max(*due - now, Moment::zero()));
}

} // namespace evermilter::supervisor
