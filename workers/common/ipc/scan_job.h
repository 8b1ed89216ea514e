// What a message to scan is between a session worker and a scanner: a job on the generation's queue, and two answers on
// the socket that came with it.
#pragma once

#include "workers/common/ipc/message.h"
#include "workers/common/shared/message_digests.h"
#include "workers/common/shared/unseen.h"

namespace evermilter::messages {

// ---------------------------------------------------------------- session worker -> scanner (on the queue)

// One message to scan. `message` is a sealed memfd or an unlinked file, read with pread(2) from 0 on; `reply` a
// SOCK_SEQPACKET end on which the scanner says Taken and then ScanResult, and closes it. A scanner that finds the
// deadline past, the other end of `reply` closed, or the message poison, drops the job without Taken.
struct ScanJob {
    std::uint64_t job = 0;
    std::int64_t deadline_ns = 0; // CLOCK_MONOTONIC by which Taken must have been said (queue_timeout)
    std::uint64_t size = 0;       // bytes
    std::uint64_t session = 0;
    std::string queue_id;
    MessageDigests digests;
    unique_fd message;
    unique_fd reply;
    bool all_names = false; // the scan goes on to its end although something was found
    static constexpr auto fields =
        std::tuple{&ScanJob::job,     &ScanJob::deadline_ns, &ScanJob::size,  &ScanJob::session,  &ScanJob::queue_id,
                   &ScanJob::digests, &ScanJob::message,     &ScanJob::reply, &ScanJob::all_names};
};
template <>
inline constexpr Bound bound<&ScanJob::queue_id>{.bytes = 256, .cut = true};

using ToScanner = std::variant<ScanJob>;
template <>
inline constexpr Direction direction<ToScanner> = Direction::to_scanner;

// ---------------------------------------------------------------- scanner -> session worker (on the reply socket)

// The scan begins: queue time ends. The sender's pid is taken from SCM_CREDENTIALS, never from the message.
struct Taken {
    std::uint64_t job = 0;
    static constexpr auto fields = std::tuple{&Taken::job};
};

// What a scan came to. Only `clean` is clean.
enum class ScanOutcome : std::uint8_t {
    clean,
    infected,    // detail: the virus name
    incomplete,  // `unseen` has the reasons; detail: their labels, e.g. "MaxFiles" or "encrypted,
                 // MaxFileSize"
    error,       // detail: the reason; the time limit is one
    temp_failed, // detail: the reason; the scanner ends itself and the message may be tried on another
};
template <>
struct Last<ScanOutcome> {
    static constexpr ScanOutcome value = ScanOutcome::temp_failed;
};

inline constexpr std::size_t kLongestDetail = 1024;
inline constexpr std::size_t kLongestLedger = 1024;
inline constexpr std::size_t kLongestNames = 4096;

struct ScanResult {
    std::uint64_t job = 0;
    ScanOutcome outcome = ScanOutcome::error;
    std::string detail;       // at most kLongestDetail bytes
    std::int64_t scan_ns = 0; // wall time of the scan
    std::int64_t cpu_ns = 0;  // CPU time that it took
    UnseenSet unseen = 0;     // why parts were not looked at; never 0 with incomplete
    std::string ledger = {}; // which parts, for the log: "2.1 a.zip/b.exe: encrypted; …"; at most kLongestLedger bytes
    std::uint64_t scanned = 0; // bytes of the message that the scanner read: what was handed to libclamav
    std::string names = {}; // with infected: the further names, a line feed between them; at most kLongestNames bytes
    // With infected: what the scan came to but for what was found (never `infected`); `unseen` and `ledger` are of
    // this.
    ScanOutcome rest = ScanOutcome::clean;
    static constexpr auto fields = std::tuple{
        &ScanResult::job,    &ScanResult::outcome, &ScanResult::detail,  &ScanResult::scan_ns, &ScanResult::cpu_ns,
        &ScanResult::unseen, &ScanResult::ledger,  &ScanResult::scanned, &ScanResult::names,   &ScanResult::rest};
};
template <>
inline constexpr Bound bound<&ScanResult::detail>{.bytes = kLongestDetail, .cut = true};
template <>
inline constexpr Bound bound<&ScanResult::ledger>{.bytes = kLongestLedger, .cut = true};

template <>
inline constexpr Bound bound<&ScanResult::names>{.bytes = kLongestNames, .cut = true};

using FromScanner = std::variant<Taken, ScanResult>;
template <>
inline constexpr Direction direction<FromScanner> = Direction::from_scanner;

} // namespace evermilter::messages
