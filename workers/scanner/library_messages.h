// What libclamav says. It reports failures that it hides in its return codes only as error-level messages
// (architecture.md, invariant 2), so every message of a load or a scan is kept here until it is judged.
// libclamav has one message callback for the process; so there is one store. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace evermilter::scanner {

enum class Severity : std::uint8_t { info, warning, error };

struct LibraryMessage {
    Severity severity = Severity::info;
    std::string text; // without "LibClamAV Error: " and the line end
};

// Before cl_init(). Messages no longer go to standard error. Informational ones are dropped.
void capture_library_messages();

// What came since the last call, oldest first. At most 64 are kept: of warnings the first 32 go, errors as they come.
[[nodiscard]] std::vector<LibraryMessage> take_library_messages();

} // namespace evermilter::scanner
