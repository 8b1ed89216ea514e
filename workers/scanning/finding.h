// What is known of a message at the end of its examination: the scanner's answer, or why there is none. The one
// input of verdict.h. Only Finding::clean is clean.
#pragma once

#include <cstdint>
#include <string>

#include "workers/common/shared/finding.h"
#include "workers/common/shared/unseen.h"

namespace evermilter::scanning {

using evermilter::Finding;
using evermilter::finding_name;
using evermilter::kFindings;

struct ScanReport {
    Finding finding = Finding::internal;
    std::string detail;            // for operators; may come from a scanner: escape it before it leaves the host
    std::uint64_t generation = 0;  // of the last try, 0 if none was reached
    std::int64_t scan_ns = 0;      // the scanner's wall time, only with a scanner's answer
    std::uint32_t retries = 0;     // further tries after a Taken
    UnseenSet unseen = 0;          // why parts were not looked at; with incomplete, or where `rest` is that
    std::string ledger;            // which parts, for the log; likewise
    std::string names;             // with infected: the further names, a line feed between them
    Finding rest = Finding::clean; // with infected: what else was found out (incomplete, or a failure)
};

} // namespace evermilter::scanning
