// The state as Prometheus reads it: text format 0.0.4, ended by `# EOF` (OpenMetrics) so that a reader of the
// status socket knows the end. Pure.
#pragma once

#include <string>

#include "supervisor/status/status_document.h"

namespace evermilter::supervisor {

[[nodiscard]] std::string metrics(const State& state, const StatusContext& around);

} // namespace evermilter::supervisor
