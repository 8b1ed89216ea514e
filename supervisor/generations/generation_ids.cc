#include "supervisor/generations/generation_ids.h"

#include <algorithm>

#include "supervisor/generations/snapshots.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/engine_lock.h"
#include "workers/common/shared/generation_id.h"

namespace evermilter::supervisor {
namespace {

// Ids left out where the last one is not known: those of refused loads are nowhere else.
constexpr std::uint64_t kSkipped = 1000;

// Snapshots and engines in memory have ids too. Where the file is missing, damaged or older than these, they say how
// far the ids had come: a snapshot's number is not used twice. Ids only keep books, so a fault here stops no load.
std::uint64_t last_id(const std::string& state_directory) {
    const auto recorded = last_generation_id(state_directory);
    std::uint64_t id = 0;
    const auto snapshots = stored_snapshots(state_directory);
    if (!snapshots.empty()) id = snapshots.front().id;
    if (const auto engines = locked_engines(state_directory); engines && !engines->empty())
        id = std::max(id, std::min(engines->back(), kLargestGenerationId));
    if (recorded) return std::max(*recorded, id);
    id += kSkipped;
    log::warning("generation-id", {{"error", recorded.error().what}, {"continues_after", id}});
    return id;
}

} // namespace

std::uint64_t GenerationIds::next(const std::string& state_directory) {
    if (!last_) last_ = last_id(state_directory);
    return *last_ + 1;
}

} // namespace evermilter::supervisor
