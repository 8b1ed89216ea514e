// The view as Prometheus reads it: text format 0.0.4, and a last line `# EOF` (of OpenMetrics) that tells a reader of
// the status socket where the text ends. Pure.
#pragma once

#include <string>

#include "supervisor/status/status_view.h"

namespace evermilter::supervisor {

[[nodiscard]] std::string metrics(const StatusView& view);

} // namespace evermilter::supervisor
