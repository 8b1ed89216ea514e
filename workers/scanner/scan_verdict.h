// From what libclamav did to an outcome: one pure function, the only place where a scan is called clean.
// libclamav fails open (architecture.md, invariant 2), so clean needs more than CL_CLEAN.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workers/common/messages.h"
#include "workers/scanner/library_messages.h"

namespace evermilter::scanner {

// The code that cl_scandesc_callback() gave, as far as it matters here.
enum class ScanCode : std::uint8_t {
    clean,
    detection,    // CL_VIRUS: `name` is set
    temp_failure, // a file or directory of the scan could not be made, written or removed
    failure,      // any other
};

struct ScanFacts {
    ScanCode code = ScanCode::failure;
    std::string code_text; // cl_strerror()
    std::string name;      // of the detection; may be one of Heuristics.Limits.Exceeded.*
    std::vector<LibraryMessage> messages;
    std::string temp_directory;     // as libclamav knows it
    bool lost_output = false;       // something could not be written (stdio_watch.h, temp_filling.h)
    bool temp_filled = false;       // the directory was full of this scan's own files (temp_filling.h)
    bool time_limit_passed = false; // the scan took scanner.max_scan_time or longer
};

struct Verdict {
    messages::ScanOutcome outcome = messages::ScanOutcome::error;
    std::string detail;
};

// The name after "Heuristics.Limits.Exceeded." ("MaxFiles"), or empty if `name` is no such.
[[nodiscard]] std::string_view exceeded_limit(std::string_view name) noexcept;

// Whether something was not looked at that libclamav may take for clean from now on: it keeps what it called clean in a
// cache, and says nothing the second time (measured: a message that filled the temp directory was clean when it came
// again). Limits are not meant: with those libclamav caches nothing.
[[nodiscard]] bool leaves_doubt(const ScanFacts& facts) noexcept;

// A failure of the temp directory is incomplete ("TempSize") where the message alone has filled it: it is as if there
// had been a limit.
// A real detection wins over everything, then failures, then the time limit, then the other limits, then content that
// libclamav could not take apart because it is cut off or corrupt ("malformed").
[[nodiscard]] Verdict judge(const ScanFacts& facts);

} // namespace evermilter::scanner
