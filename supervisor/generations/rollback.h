// Which snapshot a rollback takes. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "supervisor/generations/decisions.h"
#include "supervisor/generations/snapshots.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

// `known` is newest first. With `wanted` 0: the newest whose content is neither the current one's, nor rejected, nor
// one of `tried` (those that could not be loaded); one whose content is not known is taken only by its number.
[[nodiscard]] Result<StoredSnapshot> choose_rollback(const std::vector<StoredSnapshot>& known, std::uint64_t wanted,
                                                     const std::string& current_digest, const Decisions& decisions,
                                                     const std::set<std::uint64_t>& tried = {});

// Those to serve with where what was wanted cannot be loaded: newest first, rejected contents last.
[[nodiscard]] std::vector<StoredSnapshot> best_first(std::vector<StoredSnapshot> known, const Decisions& decisions);

} // namespace evermilter::supervisor
