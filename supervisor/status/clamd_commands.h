// The answers to clamd's words VERSION and STATS, in clamd's form and order of fields (source: clamd/server-th.c and
// clamd/thrmgr.c, compared with clamd 1.4.6). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "supervisor/status/status_view.h"

namespace evermilter::supervisor {

// "ClamAV 1.4.6/27800/Fri Nov 20 09:36:00 2026": the engine and the databases of the current generation.
[[nodiscard]] std::string clamd_version(const State& state);

// `engine_bytes` is the memory of the current engine (StatusView::engine_process), 0 if unknown.
[[nodiscard]] std::string clamd_stats(const StatusView& view, std::uint64_t engine_bytes);

} // namespace evermilter::supervisor
