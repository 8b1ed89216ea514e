// The answers to clamd's words VERSION and STATS, in clamd's form and field order (clamd/server-th.c and
// libclamav's thrmgr.c show them; compared with clamd 1.4.6). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "supervisor/status/status_document.h"

namespace evermilter::supervisor {

// "ClamAV 1.4.6/27800/Fri Nov 20 09:36:00 2026": the engine and the databases of the current generation.
[[nodiscard]] std::string clamd_version(const State& state);

// `scanners` is the number that a generation should have; `engine_bytes` the memory of the current engine, 0 if
// unknown.
[[nodiscard]] std::string clamd_stats(const State& state, const StatusContext& around, std::uint64_t scanners,
                                      std::uint64_t engine_bytes);

} // namespace evermilter::supervisor
