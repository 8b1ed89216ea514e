// What is known of a message at the end of its examination: the scanner's answer, or why there is none. The one
// input of verdict.h. Only Finding::clean is clean.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "workers/common/shared/unseen.h"

namespace evermilter::scanning {

enum class Finding : std::uint8_t {
    clean,
    infected,      // detail: the virus name
    incomplete,    // detail: labels, e.g. "MaxFiles" or "encrypted, MaxFileSize"; `unseen` is not empty
    scan_error,    // the scanner says so; detail: its reason
    temp_failed,   // the same for its temp directory, on the second try too; detail: its reason
    scanner_died,  // after Taken, and the retries are used up
    overdue,       // no answer max_scan_time + 5 s after Taken
    queue_timeout, // no scanner took it within queue_timeout
    no_generation, // no engine: NoGeneration of the supervisor, or none came within queue_timeout; detail: reason
    out_of_time,   // timeouts.eom is used up (a retry only: without one the deadlines nest)
    bad_answer,    // what came on the reply socket was no answer to this job, or not to all of its bytes
    internal,      // a system call or memory failed on our side, or not all that came is stored; detail: which
    cancelled,     // the connection was shut down meanwhile: nobody reads the answer
    oversize,      // above message.max_size, not scanned
    store_failed,  // could not be collected (memory and spool); detail: reason
    poison,        // it has cost scanners before, and was not scanned; detail: its digests
};
inline constexpr std::size_t kFindings = 16;
// For logs.
inline constexpr std::array<const char*, kFindings> kFindingNames = {
    "clean",     "infected",      "incomplete",    "scan-error",  "temp-failed", "scanner-died",
    "overdue",   "queue-timeout", "no-generation", "out-of-time", "bad-answer",  "internal",
    "cancelled", "oversize",      "store-failed",  "poison"};

[[nodiscard]] constexpr const char* finding_name(Finding finding) noexcept {
    return kFindingNames[static_cast<std::size_t>(finding)];
}

struct ScanReport {
    Finding finding = Finding::internal;
    std::string detail;           // for operators; may come from a scanner: escape it before it leaves the host
    std::uint64_t generation = 0; // of the last try, 0 if none was reached
    std::int64_t scan_ns = 0;     // the scanner's wall time, only with a scanner's answer
    std::uint32_t retries = 0;    // further tries after a Taken
    UnseenSet unseen = 0;         // why parts were not looked at; only with incomplete
    std::string ledger;           // which parts, for the log; only with incomplete
};

} // namespace evermilter::scanning
