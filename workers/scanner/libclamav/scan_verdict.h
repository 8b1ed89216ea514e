// From what libclamav did to an outcome: one pure function, the only place where a scan is called clean.
// libclamav fails open (architecture.md, invariant 2), so clean needs more than CL_CLEAN.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workers/common/ipc/scan_job.h"
#include "workers/scanner/look/gap.h"

namespace evermilter::scanner {

// The code that cl_scandesc_callback() gave, as far as it matters here.
enum class ScanCode : std::uint8_t {
    clean,
    detection,    // CL_VIRUS: there is a name
    temp_failure, // a file or directory of the scan could not be made, written or removed
    failure,      // any other
};

// Of all scans that a message took: the message as a whole, and the parts that had to be scanned alone.
struct ScanFacts {
    ScanCode code = ScanCode::failure; // the worst
    std::string code_text;             // cl_strerror()
    std::string detection;             // the first name that counts as a virus; empty: none
    std::vector<std::string> others;   // further names, each once
    bool more_names = false;           // there were more
    std::string error;                 // the first message of a failure that is not the content's; empty: none
    std::string temp_directory;        // as libclamav knows it
    bool lost_output = false;          // something could not be written (call_watch.h)
    bool temp_filled = false;          // the directory was full of this scan's own files (call_watch.h)
    bool time_limit_passed = false;    // the scan took scanner.max_scan_time or longer, or libclamav says so
};

// Stands for names for which there was no room: no rule can have meant it, unless it is for all.
inline constexpr std::string_view kMoreNames = "(more names)";

// The limit that a message has reached which alone has filled the temp directory.
inline constexpr std::string_view kTempLimit = "TempSize";

struct Verdict {
    messages::ScanOutcome outcome = messages::ScanOutcome::error;
    std::string detail;                                        // see ScanResult
    UnseenSet unseen = 0;                                      // see ScanResult
    std::string ledger;                                        // see ScanResult
    std::string names;                                         // see ScanResult
    messages::ScanOutcome rest = messages::ScanOutcome::clean; // see ScanResult
};

// What a name that libclamav tells means here.
enum class NameKind : std::uint8_t {
    virus,      // or a heuristic that the site asked for
    limit,      // Heuristics.Limits.Exceeded.*
    time_limit, // Heuristics.Limits.Exceeded.MaxScanTime
    encrypted,  // Heuristics.Encrypted.*, which we ask for
};
struct AskedFor {
    bool encrypted_archives = false; // by the site: they count as a virus then
    bool encrypted_documents = false;
};
[[nodiscard]] NameKind kind_of_name(std::string_view name, const AskedFor& asked) noexcept;
// The name after "Heuristics.Limits.Exceeded." ("MaxFiles"), or empty if `name` is another.
[[nodiscard]] std::string_view exceeded_limit(std::string_view name) noexcept;

// Whether an error message of libclamav is about a file that could not be made or written.
[[nodiscard]] bool about_temp_files(std::string_view temp_directory, std::string_view text);

// A message of libclamav about a failure. The first counts, but one about temporary files only if there is no
// other: that one is tried again.
void add_failure(ScanFacts& facts, std::string_view text);

// A real detection wins over everything, and the rest is judged as if there were none; then failures, then the time
// limit, then what was not looked at. A failure of the temp directory is incomplete ("TempSize") where the message
// alone has filled it: it is as if there had been a limit.
[[nodiscard]] Verdict judge(const ScanFacts& facts, const Ledger& ledger);

} // namespace evermilter::scanner
