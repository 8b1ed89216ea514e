#include "workers/scanner/scan_verdict.h"

#include <boost/test/unit_test.hpp>

namespace evermilter::scanner {
namespace {

using messages::ScanOutcome;

ScanFacts facts(ScanCode code, const std::string& name = {}, std::vector<LibraryMessage> said = {}) {
    ScanFacts made;
    made.code = code;
    made.code_text = "what libclamav calls it";
    made.name = name;
    made.messages = std::move(said);
    made.temp_directory = "/run/evermilter/tmp/g7-s0";
    return made;
}

ScanFacts slow(ScanFacts made) {
    made.time_limit_passed = true;
    return made;
}

ScanFacts losing(ScanFacts made) {
    made.lost_output = true;
    return made;
}

ScanFacts full(ScanFacts made) {
    made.temp_filled = true;
    return made;
}

const LibraryMessage kNoDirectory{Severity::error, "Can't create temporary directory for scan: /tmp/x."};
const LibraryMessage kNamesOurFolder{Severity::error, "lseek() failed for /run/evermilter/tmp/g7-s0/scan/x"};
const LibraryMessage kOther{Severity::error, "calloc_problem: No memory"};
const LibraryMessage kCutOff{Severity::error, "cli_scanxz: premature end of compressed stream"};
const LibraryMessage kCorrupt{Severity::error, "cli_scanxz: decompress error: 1"};
const LibraryMessage kXzNotWritten{Severity::error, "cli_scanxz: Can't write to file."};
const LibraryMessage kWarning{Severity::warning, "something odd about a temporary thing"};

const std::string kFiles = "Heuristics.Limits.Exceeded.MaxFiles";
const std::string kTime = "Heuristics.Limits.Exceeded.MaxScanTime";

struct Row {
    const char* promise;
    ScanFacts facts;
    ScanOutcome outcome;
    const char* detail;
};

} // namespace

BOOST_AUTO_TEST_SUITE(scan_verdict)

BOOST_AUTO_TEST_CASE(only_a_scan_without_any_doubt_is_clean) {
    const ScanCode clean = ScanCode::clean;
    const ScanCode found = ScanCode::detection;
    const Row rows[] = {
        {"nothing found, nothing said", facts(clean), ScanOutcome::clean, ""},
        {"a warning is no failure", facts(clean, "", {kWarning}), ScanOutcome::clean, ""},
        {"a detection", facts(found, "Win.A"), ScanOutcome::infected, "Win.A"},
        {"a heuristic detection", facts(found, "Heuristics.Phishing.Email"), ScanOutcome::infected,
         "Heuristics.Phishing.Email"},
        {"a detection beside an error", facts(found, "Win.A", {kOther}), ScanOutcome::infected, "Win.A"},
        {"a detection after the time limit", slow(facts(found, "Win.A")), ScanOutcome::infected, "Win.A"},
        {"content that is cut off", facts(clean, "", {kCutOff}), ScanOutcome::incomplete, "malformed"},
        {"corrupt in several places", facts(clean, "", {kCutOff, kWarning, kCorrupt}), ScanOutcome::incomplete,
         "malformed"},
        {"a detection beside content that is cut off", facts(found, "Win.A", {kCutOff}), ScanOutcome::infected,
         "Win.A"},
        {"a failure after content that is cut off", facts(clean, "", {kCutOff, kOther}), ScanOutcome::error,
         "calloc_problem: No memory"},
        {"the same parser without room", facts(clean, "", {kCutOff, kXzNotWritten}), ScanOutcome::temp_failed,
         "cli_scanxz: Can't write to file."},
        {"cut off, and the library failed", facts(ScanCode::failure, "", {kCutOff}), ScanOutcome::error,
         "what libclamav calls it"},
        {"cut off, and out of time", slow(facts(clean, "", {kCutOff})), ScanOutcome::error, "MaxScanTime"},
        {"a known complaint in other words", facts(clean, "", {{Severity::error, "x " + kCutOff.text}}),
         ScanOutcome::error, "x cli_scanxz: premature end of compressed stream"},
        {"clean, but its directory was not made", facts(clean, "", {kNoDirectory}), ScanOutcome::temp_failed,
         "Can't create temporary directory for scan: /tmp/x."},
        {"clean, but an error names our folder", facts(clean, "", {kNamesOurFolder}), ScanOutcome::temp_failed,
         "lseek() failed for /run/evermilter/tmp/g7-s0/scan/x"},
        {"clean, but an error came after a warning", facts(clean, "", {kWarning, kOther}), ScanOutcome::error,
         "calloc_problem: No memory"},
        {"clean, but a part was lost on its way to the disk", losing(facts(clean)), ScanOutcome::temp_failed,
         "a temporary file could not be written in /run/evermilter/tmp/g7-s0"},
        {"a code that tells of temporary files", facts(ScanCode::temp_failure), ScanOutcome::temp_failed,
         "what libclamav calls it"},
        {"without room, which the message itself has taken", full(facts(clean, "", {kXzNotWritten})),
         ScanOutcome::incomplete, "TempSize"},
        {"a lost part, likewise", full(losing(facts(clean))), ScanOutcome::incomplete, "TempSize"},
        {"a code that tells of it", full(facts(ScanCode::temp_failure)), ScanOutcome::incomplete, "TempSize"},
        {"a detection beside it", full(facts(found, "Win.A", {kXzNotWritten})), ScanOutcome::infected, "Win.A"},
        {"another failure after it", full(facts(clean, "", {kXzNotWritten, kOther})), ScanOutcome::error,
         "calloc_problem: No memory"},
        {"another failure beside a lost part", full(losing(facts(ScanCode::failure))), ScanOutcome::error,
         "what libclamav calls it"},
        {"out of room and out of time", full(slow(facts(clean, "", {kXzNotWritten}))), ScanOutcome::error,
         "MaxScanTime"},
        {"without room, and libclamav says nothing of it", full(facts(clean)), ScanOutcome::incomplete, "TempSize"},
        {"any other code", facts(ScanCode::failure), ScanOutcome::error, "what libclamav calls it"},
        {"clean, but it took too long", slow(facts(clean)), ScanOutcome::error, "MaxScanTime"},
        {"the time limit as libclamav tells it", facts(found, kTime), ScanOutcome::error, "MaxScanTime"},
        {"another limit first, then the time limit", slow(facts(found, kFiles)), ScanOutcome::error, "MaxScanTime"},
        {"a limit", facts(found, kFiles), ScanOutcome::incomplete, "MaxFiles"},
        {"a limit beside an error", facts(found, kFiles, {kOther}), ScanOutcome::error, "calloc_problem: No memory"},
        {"a limit beside a lost part", losing(facts(found, kFiles)), ScanOutcome::temp_failed,
         "a temporary file could not be written in /run/evermilter/tmp/g7-s0"},
    };
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.promise) {
            const Verdict verdict = judge(row.facts);
            BOOST_TEST((verdict.outcome == row.outcome));
            BOOST_TEST(verdict.detail == row.detail);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
