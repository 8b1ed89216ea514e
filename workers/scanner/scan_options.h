// The configuration as libclamav's option bits. The defaults and their dependence on one another are clamd's
// (clamd.conf(5)), but for the limits' heuristic, which is always asked for (architecture.md, invariant 2).
#pragma once

#include <clamav.h>

#include <string>

#include "config/config.h"

namespace evermilter::scanner {

[[nodiscard]] cl_scan_options scan_options(const config::Scanner& config);
// For cl_load().
[[nodiscard]] unsigned int load_options(const config::Scanner& config);
// scanner.include_pua or exclude_pua in the form of CL_ENGINE_PUA_CATEGORIES: ".Packed.PwTool."; empty for none.
[[nodiscard]] std::string pua_categories(const config::Scanner& config);

} // namespace evermilter::scanner
