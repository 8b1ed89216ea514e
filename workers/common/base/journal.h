// The journal of systemd as standard error: it reads a priority at the beginning of each line (sd-daemon(3)). The log
// puts it before its lines; who writes to standard error without the log does so itself.
#pragma once

#include <string>

#include "workers/common/base/log_level.h"

namespace evermilter::log {

// Whether standard error is the stream that the journal reads, as JOURNAL_STREAM says (systemd.exec(5): device and
// inode). False for a terminal, a plain file, and a pipe of anybody else's, also where the variable was inherited. Not
// thread-safe: reads the environment.
[[nodiscard]] bool standard_error_is_journal() noexcept;

// As syslog(3) and the journal number it: 3 for an error.
[[nodiscard]] int priority(Level level) noexcept;

// "<3>" for an error, and so on, where standard error is the journal; "" where it is not. Not thread-safe.
[[nodiscard]] std::string journal_prefix(Level level);

} // namespace evermilter::log
