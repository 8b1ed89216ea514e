// Tries one database file alone, in a forked process with a bound of time: whether libclamav loads and compiles it
// is not known before, and a file that makes it crash, hang or eat memory must not take the loader along.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "config/config.h"
#include "workers/scanner/refusal.h"

namespace evermilter::scanner {

// The number of its signatures, or why it cannot be loaded. Forks: from the load's thread, while the main thread does
// nothing but wait. `shown_as` is the file's name in the reason.
[[nodiscard]] Result<std::uint64_t, Refusal> try_database_file(const config::Scanner& config, const std::string& path,
                                                               const std::string& shown_as,
                                                               const std::string& temp_directory,
                                                               std::chrono::milliseconds bound);

} // namespace evermilter::scanner
