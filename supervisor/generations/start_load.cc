#include "supervisor/generations/start_load.h"

#include <string>
#include <vector>

#include "supervisor/generations/rollback.h"
#include "supervisor/generations/snapshots.h"
#include "workers/common/shared/database_files.h"

namespace evermilter::supervisor {
namespace {

// Databases that have been missing for so long that a load goes on without them.
std::vector<std::string> given_up(const State& state, const config::Database& database, Moment now) {
    std::vector<std::string> names;
    for (const auto& [name, first_missed] : state.vanished)
        if (first_missed <= now - database.vanished_after) names.push_back(name);
    return names;
}

void compare_with_active(StartOfLoad& start, const Generation& active, const LoadPlan& plan, const Settings& settings,
                         const State& state, Moment now) {
    messages::StartLoad& message = start.message;
    message.active_engine_bytes = active.engine_bytes;
    message.active_expected_bytes = active.expected_bytes;
    if (plan.compare == Comparison::none) return;
    if (plan.compare == Comparison::all) message.active_digest = active.source_digest;
    message.active_databases = active.databases;
    message.active_snapshot = active.snapshot;
    message.may_vanish = given_up(state, settings.config.database, now);
    start.signatures_before = active.signatures;
    // Other settings may be a reason for fewer.
    if (!plan.settings) message.active_signatures = active.signatures;
}

void compare_with_last(StartOfLoad& start, const Settings& settings, const State& state) {
    const auto known = best_first(stored_snapshots(settings.config.database.state_directory), state.decisions);
    if (known.empty()) return;
    const auto files = list_database_files(known.front().path);
    if (!files) return;
    for (const DatabaseFile& file : *files) start.message.active_databases.push_back(database_name(file.name));
    start.message.may_vanish = start.message.active_databases;
    start.message.active_snapshot = known.front().path;
    start.signatures_before = known.front().signatures;
}

} // namespace

StartOfLoad start_of_load(const LoadPlan& plan, std::uint64_t id, const Settings& settings, const State& state,
                          Moment now) {
    StartOfLoad start;
    messages::StartLoad& message = start.message;
    message.generation = id;
    message.config = settings.toml;
    message.origin = settings.origin;
    message.scanners = settings.scanners;
    message.force = plan.force;
    message.check_files = plan.check_files;
    message.await_room = settings.config.reload.mode == config::ReloadMode::replace;
    message.reuse_snapshot = plan.reuse_snapshot;
    message.deadline_ns = (now + settings.config.reload.load_timeout).count();
    const Generation* active = state.active_generation();
    // Where nothing serves, the load is all there is to do.
    message.low_priority = plan.low_priority && active != nullptr && !message.await_room;
    if (active != nullptr)
        compare_with_active(start, *active, plan, settings, state, now);
    else if (plan.compare == Comparison::all)
        compare_with_last(start, settings, state);
    return start;
}

} // namespace evermilter::supervisor
