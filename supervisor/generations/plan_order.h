// What an order loads, as things are when its turn comes: the directory, what is held, or an earlier snapshot. Pure but
// for the list of snapshots, which is only asked for where it is needed.
#pragma once

#include <functional>
#include <vector>

#include "supervisor/generations/load_plan.h"
#include "supervisor/generations/load_queue.h"
#include "supervisor/generations/snapshots.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

// Newest first.
using KnownSnapshots = std::function<std::vector<StoredSnapshot>()>;

// `settings`: those in use. An Error: there is nothing to load for it. The target of a rollback is noted in the order.
[[nodiscard]] Result<LoadPlan> plan_order(ReloadOrder& order, State& state, const Settings& settings,
                                          const KnownSnapshots& known);

// Whether the order takes what the directory holds, with the settings in use.
[[nodiscard]] bool reads_directory(const ReloadOrder& order);

// A rollback that names nothing goes on to the next snapshot where one cannot be loaded: notes the failure in the
// order.
[[nodiscard]] bool tries_next_snapshot(ReloadOrder& order, const LoadOutcome& outcome);

} // namespace evermilter::supervisor
