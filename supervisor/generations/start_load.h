// The first message to a loader: a plan, the settings that it is loaded with, and what it is compared with.
#pragma once

#include <cstdint>

#include "supervisor/generations/load_plan.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/ipc/to_loader.h"

namespace evermilter::supervisor {

struct StartOfLoad {
    messages::StartLoad message;         // without its descriptors
    std::uint64_t signatures_before = 0; // of what it is compared with, 0: nothing
};

// Where nothing serves yet, the newest snapshot is compared with: what has vanished since is only reported.
[[nodiscard]] StartOfLoad start_of_load(const LoadPlan& plan, std::uint64_t id, const Settings& settings,
                                        const State& state, Moment now);

} // namespace evermilter::supervisor
