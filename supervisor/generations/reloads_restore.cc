// The part of Reloads that loads again what served, where its processes have died: nobody has asked for it.
#include <sysexits.h>

#include <algorithm>
#include <chrono>

#include "supervisor/generations/reloads.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

// A generation that has lived so long has proven that it can serve: the next one is loaded without delay.
constexpr std::chrono::nanoseconds kProven = std::chrono::minutes(1);

} // namespace

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
    const auto known = best_first(known_snapshots(), state_.decisions);
    auto next = std::find_if(known.begin(), known.end(),
                             [this](const StoredSnapshot& one) { return one.path == restore_snapshot_; });
    if (next != known.end()) ++next;
    if (next == known.end() || state_.active_generation() != nullptr) {
        restore_snapshot_ = restore_wanted_;
        restore_later();
        return;
    }
    if (restore_snapshot_ == restore_wanted_)
        state_.degraded_reason =
            "the database that served cannot be loaded again, an older snapshot of it is used instead: " + error;
    restore_snapshot_ = next->path;
    log::warning("falling-back", {{"snapshot", restore_snapshot_}});
}

void Reloads::restore_later() {
    const std::chrono::nanoseconds now(monotonic_ns());
    restore_policy_.failed(now, std::uniform_real_distribution<double>(0.0, 1.0)(random_));
    restore_timer_.start(std::max(restore_policy_.not_before() - now, std::chrono::nanoseconds(0)));
}

} // namespace evermilter::supervisor
