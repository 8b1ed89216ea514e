// Why a load was refused: what the operator reads, and the exit status that goes with it.
// Exit codes are chosen where the failure is seen, and nowhere else.
#pragma once

#include <sysexits.h>

#include <string>
#include <vector>

#include "workers/common/base/result.h"

namespace evermilter::scanner {

struct Refusal {
    int exit_code = EX_SOFTWARE;            // sysexits(3)
    std::string reason;                     // complete, names the file (and line where it is known)
    std::string digest = {};                // of the databases that were refused, where it is known
    std::string file = {};                  // the one that libclamav named, within its folder
    std::vector<std::string> vanished = {}; // databases that are missing: the reason
};

} // namespace evermilter::scanner
