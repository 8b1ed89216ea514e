// How a process ended, in words.
#pragma once

#include <string>

#include "supervisor/children/child.h"

namespace evermilter::supervisor {

// A scanner that ended because its temp directory failed.
[[nodiscard]] bool has_temp_failed(int wait_status) noexcept;

// "exit status 65", "signal 11 (Segmentation fault)".
[[nodiscard]] std::string wait_status_text(int wait_status);
// The same for a child of ours, or why we have killed it.
[[nodiscard]] std::string end_text(const Child& child, int wait_status);

} // namespace evermilter::supervisor
