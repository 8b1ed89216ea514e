#include "supervisor/generations/plan_order.h"

#include <sysexits.h>

#include <algorithm>
#include <string>
#include <utility>

#include "supervisor/generations/rollback.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

// The first load: what was held when the service ended, else the directory.
LoadPlan plan_start(const State& state, const KnownSnapshots& known_snapshots) {
    LoadPlan plan;
    if (!state.decisions.hold || (state.decisions.hold->snapshot == 0 && state.decisions.hold->digest.empty()))
        return plan;
    const Hold& hold = *state.decisions.hold;
    const auto known = best_first(known_snapshots(), state.decisions);
    auto found =
        std::find_if(known.begin(), known.end(), [&](const StoredSnapshot& one) { return one.id == hold.snapshot; });
    if (found == known.end())
        found = std::find_if(known.begin(), known.end(), [&](const StoredSnapshot& one) {
            return !one.digest.empty() && one.digest == hold.digest;
        });
    if (found == known.end()) {
        log::warning("held-content-gone", {{"snapshot", hold.snapshot}});
        found = known.begin();
        if (found == known.end() || state.decisions.rejects(found->digest)) return plan;
    }
    plan.compare = Comparison::none;
    plan.reuse_snapshot = found->path;
    return plan;
}

Result<LoadPlan> plan_rollback(ReloadOrder& order, State& state, const KnownSnapshots& known_snapshots) {
    std::uint64_t wanted = order.request.rollback_to;
    // A generation that was itself a rollback has no snapshot of its own.
    if (const Generation* named = wanted == 0 ? nullptr : state.find_generation(wanted);
        named != nullptr && named->loaded && !named->snapshot.empty())
        wanted = snapshot_id(named->snapshot);
    const Generation* active = state.active_generation();
    auto target = choose_rollback(known_snapshots(), wanted, active == nullptr ? "" : active->digest, state.decisions,
                                  order.tried);
    if (!target) {
        Error error = std::move(target).error();
        if (!order.error.empty()) error.what = order.error + "; " + error.what;
        return error;
    }
    order.target = target->id;
    return LoadPlan{.compare = Comparison::none, .reuse_snapshot = target->path};
}

// Other settings are no reason to take what is held back, or to go on without a database.
LoadPlan plan_settings(const ReloadOrder& order, const State& state, const Settings& in_use) {
    LoadPlan plan{.compare = Comparison::none, .force = order.request.force, .settings = order.settings};
    const Generation* active = state.active_generation();
    const bool same_directory = order.settings->config.database.directory == in_use.config.database.directory;
    if (active == nullptr || !same_directory) return plan;
    if (state.decisions.hold)
        plan.reuse_snapshot = active->snapshot;
    else
        plan.compare = Comparison::databases;
    return plan;
}

// The snapshot cannot be loaded, whatever time and machine.
bool unusable(int exit_code) {
    return exit_code == EX_DATAERR || exit_code == EX_NOINPUT || exit_code == EX_NOPERM || exit_code == EX_SOFTWARE;
}

} // namespace

Result<LoadPlan> plan_order(ReloadOrder& order, State& state, const Settings& settings, const KnownSnapshots& known) {
    switch (order.request.kind) {
        case ReloadKind::roll_back:
            return plan_rollback(order, state, known);
        case ReloadKind::start:
            return plan_start(state, known);
        case ReloadKind::automatic:
        case ReloadKind::asked:
            break;
    }
    if (order.settings) return plan_settings(order, state, settings);
    return LoadPlan{.force = order.request.force};
}

bool reads_directory(const ReloadOrder& order) {
    return order.request.kind != ReloadKind::roll_back && order.settings == nullptr;
}

bool tries_next_snapshot(ReloadOrder& order, const LoadOutcome& outcome) {
    const bool next = outcome.how == LoadOutcome::How::refused && order.request.kind == ReloadKind::roll_back &&
                      order.request.rollback_to == 0 && unusable(outcome.exit_code);
    if (!next) return false;
    log::warning("rollback-goes-on", {{"snapshot", order.target}, {"error", outcome.error}});
    order.tried.insert(order.target);
    order.error = outcome.error;
    return true;
}

} // namespace evermilter::supervisor
