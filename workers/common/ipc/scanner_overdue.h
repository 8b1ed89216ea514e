// What goes from a session worker to the supervisor and, unchanged, from there to a loader.
#pragma once

#include "workers/common/ipc/message.h"

namespace evermilter::messages {

// A scanner that has said Taken did not answer within max_scan_time + 5 s. The supervisor passes it on to the
// loader of that generation, which kills its child (ScannerOverdue is the same struct both ways).
struct ScannerOverdue {
    std::uint64_t generation = 0;
    std::int64_t scanner = 0; // pid, as proven by SCM_CREDENTIALS of Taken
    std::uint64_t job = 0;
    static constexpr auto fields =
        std::tuple{&ScannerOverdue::generation, &ScannerOverdue::scanner, &ScannerOverdue::job};
};

} // namespace evermilter::messages
