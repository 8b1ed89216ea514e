// How important a line of the log is, and where the log goes. The configuration takes its words from here.
#pragma once

#include <cstdint>

namespace evermilter::log {

enum class Target : std::uint8_t { syslog, stderr_ };
enum class Level : std::uint8_t { error, warning, info, debug };

} // namespace evermilter::log
