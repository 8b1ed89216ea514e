// The configuration as libclamav's option bits. The defaults and their dependence on one another are clamd's
// (clamd.conf(5)), but for the heuristics that tell what was not looked at, limits and encryption: these are always
// asked for (invariant 2 of architecture.md), and their names are told apart from viruses in scan_verdict.h.
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
