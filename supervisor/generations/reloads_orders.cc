// The part of Reloads that knows what an order loads and what its end decides: hold, rejected contents, staleness.
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "supervisor/generations/reloads.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

constexpr std::size_t kLargestFile = 64UL * 1024;

std::string decisions_file(const Settings& settings) {
    return settings.config.database.state_directory + "/decisions";
}

// Once, before the first load. Nothing where there is no such file.
std::string read_file(const std::string& path) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    std::string text(kLargestFile, '\0');
    const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : 0;
    text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return text;
}

bool reads_directory(const ReloadOrder& order) {
    return order.request.kind != ReloadKind::roll_back && order.settings == nullptr;
}

// The snapshot cannot be loaded, whatever time and machine.
bool unusable(int exit_code) {
    return exit_code == EX_DATAERR || exit_code == EX_NOINPUT || exit_code == EX_NOPERM || exit_code == EX_SOFTWARE;
}

} // namespace

void Reloads::begin() {
    const std::string path = decisions_file(settings_);
    const std::string text = read_file(path);
    if (auto decisions = parse_decisions(text)) {
        state_.decisions = std::move(*decisions);
        recorded_ = state_.decisions;
    } else if (!text.empty()) {
        log::warning("decisions-damaged", {{"file", path}, {"effect", "no hold, no rejected content is known"}});
    }
    if (const auto& hold = state_.decisions.hold)
        log::info("hold-goes-on", {{"by", hold->by}, {"reason", hold->why}, {"snapshot", hold->snapshot}});
    request(ReloadRequest{.kind = ReloadKind::start, .by = "the start"}, {});
}

// ---------------------------------------------------------------- what to load

std::vector<StoredSnapshot> Reloads::known_snapshots() const {
    auto known = stored_snapshots(settings_.config.database.state_directory);
    // What the file beside a snapshot does not say, its generation may.
    for (StoredSnapshot& one : known) {
        if (!one.digest.empty()) continue;
        for (const Generation& generation : state_.generations)
            if (generation.snapshot == one.path) one.digest = generation.digest;
    }
    return known;
}

Result<LoadRequest> Reloads::to_load(ReloadOrder& order) {
    LoadRequest load;
    load.settings = order.settings;
    load.force = order.request.force;
    switch (order.request.kind) {
        case ReloadKind::roll_back:
            return to_roll_back(order);
        case ReloadKind::start:
            return to_start();
        case ReloadKind::automatic:
            return load;
        case ReloadKind::asked:
            break;
    }
    if (!order.settings) return load;
    load.restore = true;
    const Generation* active = state_.active_generation();
    const bool same_directory = order.settings->config.database.directory == settings_.config.database.directory;
    if (active == nullptr || !same_directory) return load;
    // Other settings are no reason to take what is held back, or to go on without a database.
    if (state_.decisions.hold)
        load.reuse_snapshot = active->snapshot;
    else
        load.keep_all = true;
    return load;
}

LoadRequest Reloads::to_start() {
    LoadRequest load;
    if (!state_.decisions.hold || (state_.decisions.hold->snapshot == 0 && state_.decisions.hold->digest.empty()))
        return load;
    const Hold& hold = *state_.decisions.hold;
    const auto known = best_first(known_snapshots(), state_.decisions);
    auto found =
        std::find_if(known.begin(), known.end(), [&](const StoredSnapshot& one) { return one.id == hold.snapshot; });
    if (found == known.end())
        found = std::find_if(known.begin(), known.end(), [&](const StoredSnapshot& one) {
            return !one.digest.empty() && one.digest == hold.digest;
        });
    if (found == known.end()) {
        log::warning("held-content-gone", {{"snapshot", hold.snapshot}});
        found = known.begin();
        if (found == known.end() || state_.decisions.rejects(found->digest)) return load;
    }
    load.restore = true;
    load.reuse_snapshot = found->path;
    return load;
}

Result<LoadRequest> Reloads::to_roll_back(ReloadOrder& order) {
    std::uint64_t wanted = order.request.rollback_to;
    // A generation that was itself a rollback has no snapshot of its own.
    if (const Generation* named = wanted == 0 ? nullptr : state_.find_generation(wanted);
        named != nullptr && named->loaded && !named->snapshot.empty())
        wanted = snapshot_id(named->snapshot);
    const Generation* active = state_.active_generation();
    auto target = choose_rollback(known_snapshots(), wanted, active == nullptr ? "" : active->digest, state_.decisions,
                                  order.tried);
    if (!target) {
        Error error = std::move(target).error();
        if (!order.error.empty()) error.what = order.error + "; " + error.what;
        return error;
    }
    order.target = target->id;
    LoadRequest load;
    load.restore = true;
    load.reuse_snapshot = target->path;
    return load;
}

// A rollback that names nothing goes on to the next snapshot where one cannot be loaded.
bool Reloads::try_next_snapshot(ReloadOrder& order, const LoadOutcome& outcome) {
    const bool next = outcome.result == LoadResult::refused && order.request.kind == ReloadKind::roll_back &&
                      order.request.rollback_to == 0 && unusable(outcome.exit_code) && !stopped_;
    if (!next) return false;
    log::warning("rollback-goes-on", {{"snapshot", order.target}, {"error", outcome.error}});
    order.tried.insert(order.target);
    order.error = outcome.error;
    orders_.give_back(std::move(order));
    soon();
    return true;
}

// ---------------------------------------------------------------- what its end decides

void Reloads::decide(const ReloadOrder& order, const LoadOutcome& outcome) {
    Decisions& decisions = state_.decisions;
    const Generation* active = state_.active_generation();
    const std::int64_t now = std::time(nullptr);
    if (outcome.result == LoadResult::refused) {
        const bool for_itself = outcome.exit_code == EX_DATAERR || outcome.exit_code == EX_SOFTWARE;
        if (reads_directory(order) && for_itself && !outcome.may_pass && outcome.digest != digest_before_)
            decisions.reject(outcome.digest, "refused: " + outcome.error, now);
        return record();
    }
    if (active == nullptr || order.settings) return;
    if (order.request.kind == ReloadKind::roll_back) {
        const std::string to = "to the content of generation " + std::to_string(snapshot_id(active->snapshot));
        if (digest_before_ != active->digest) decisions.reject(digest_before_, "rolled back from, " + to, now);
        decisions.accept(active->digest);
        if (order.decides_hold) set_hold(order.request.by, "rollback " + to);
    } else if (order.request.kind == ReloadKind::asked) {
        decisions.accept(active->digest);
        if (order.decides_hold && decisions.hold) end_hold("an explicit reload");
    }
    record();
}

void Reloads::hold(const std::string& by, const std::string& why) {
    decided_hold();
    set_hold(by, why);
    record();
    handlers_.changed();
}

void Reloads::resume(const std::string& by) {
    decided_hold();
    end_hold(by);
    record();
    request(ReloadRequest{.kind = ReloadKind::automatic, .by = "resume"}, {});
    handlers_.changed();
}

void Reloads::decided_hold() {
    orders_.hold_decided();
    if (running_) running_->decides_hold = false;
}

void Reloads::set_hold(const std::string& by, const std::string& why) {
    Hold hold;
    hold.by = by;
    hold.why = why;
    hold.since = std::time(nullptr);
    log::info("hold", {{"by", by}, {"reason", why}});
    state_.decisions.hold = std::move(hold);
    hold_what_serves();
}

void Reloads::end_hold(const std::string& by) {
    if (!std::exchange(state_.decisions.hold, std::nullopt)) return;
    log::info("hold-ended", {{"by", by}});
}

// After a restart the held content is loaded, not the directory's.
void Reloads::hold_what_serves() {
    const Generation* active = state_.active_generation();
    if (!state_.decisions.hold || active == nullptr || active->snapshot.empty()) return;
    state_.decisions.hold->snapshot = snapshot_id(active->snapshot);
    state_.decisions.hold->digest = active->digest;
    record();
}

void Reloads::record() {
    if (state_.decisions == recorded_) return;
    recorded_ = state_.decisions;
    writer_.write(decisions_file(settings_), settings_.identities.scanner, to_text(state_.decisions));
}

void Reloads::state_directory_made() {
    recorded_ = Decisions{};
    record();
}

// A hold that is only in memory is forgotten at the next start.
void Reloads::recorded(const Result<void>& written) {
    const std::string reason = written ? std::string() : written.error().what;
    if (!written) {
        recorded_.reset();
        if (!stopped_) record_timer_.start(kRecordAgain);
        if (reason != state_.books_reason) log::warning("decisions-not-recorded", {{"error", reason}});
    }
    state_.books_reason = reason;
    handlers_.changed();
}

// Since when what the directory holds is not taken.
void Reloads::look_at_staleness(const ReloadOrder& order, const LoadOutcome& outcome) {
    if (outcome.result != LoadResult::refused) {
        const bool of_directory = load_.reuse_snapshot.empty() && order.request.kind != ReloadKind::roll_back;
        if (!of_directory) return;
        state_.stale.reset();
        state_.vanished.clear();
        retry_policy_ = RestartPolicy(kRetry);
        retry_timer_.stop();
        vanished_ns_ = 0;
        return;
    }
    if (!reads_directory(order) || stopped_) return;
    for (const std::string& name : outcome.vanished) state_.vanished.emplace(name, monotonic_ns());
    const std::int64_t since = state_.stale ? state_.stale->since : std::time(nullptr);
    state_.stale = Stale{since, outcome.error};
    log::error("signatures-stale", {{"since", since}, {"reason", outcome.error}});
    if (!ever_active_) return;
    vanished_ns_ = 0;
    for (const std::string& name : outcome.vanished) vanished_ns_ = std::max(vanished_ns_, state_.vanished.at(name));
    look_now();
    if (!outcome.may_pass) return;
    const std::chrono::nanoseconds now(monotonic_ns());
    vanished_ns_ = 0;
    retry_policy_.failed(now, std::uniform_real_distribution<double>(0.0, 1.0)(random_));
    retry_timer_.start(std::max(retry_policy_.not_before() - now, std::chrono::nanoseconds(0)));
}

// When the last of those that have vanished is given up it goes on without.
void Reloads::look_now() {
    if (vanished_ns_ == 0 || stopped_) return;
    const auto due = std::chrono::nanoseconds(vanished_ns_) + settings_.config.database.vanished_after;
    retry_timer_.start(std::max(due - std::chrono::nanoseconds(monotonic_ns()), std::chrono::nanoseconds(0)));
}

} // namespace evermilter::supervisor
