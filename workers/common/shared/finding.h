// What the examination of a message came to: the scanner's answer, or why there is none. Only Finding::clean is clean.
// The names are those of the log (finding=), the status document (messages.findings) and the metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace evermilter {

enum class Finding : std::uint8_t {
    clean,
    infected,      // detail: the virus name
    incomplete,    // detail: labels, e.g. "MaxFiles" or "encrypted, MaxFileSize"; the ScanReport has the reasons
    scan_error,    // the scanner's own word; detail: its reason
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
    exempt,        // by [skip], and was not scanned; detail: the SkipReason
};
inline constexpr std::size_t kFindings = 17;
inline constexpr std::array<const char*, kFindings> kFindingNames = {
    "clean",     "infected",      "incomplete",    "scan-error",  "temp-failed", "scanner-died",
    "overdue",   "queue-timeout", "no-generation", "out-of-time", "bad-answer",  "internal",
    "cancelled", "oversize",      "store-failed",  "poison",      "exempt"};

[[nodiscard]] constexpr const char* finding_name(Finding finding) noexcept {
    return kFindingNames[static_cast<std::size_t>(finding)];
}

} // namespace evermilter
