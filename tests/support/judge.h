// Judges a run of a test binary, so that the binary's own exit status means what a run of all tests means:
//   - a test case that is selected and does not run to its end has failed, however the process ends,
//   - a test case may say "not possible" only with a reason that tests/not-possible.txt pins for it,
//   - a line of a sanitizer about any process that a test starts fails the run, whether the test notices or not.
// The judge starts the same program once more, with a report (report.h) and the sanitizers' options in its environment,
// waits for its end, and reads both. It ends the run when EVERMILTER_TEST_TIMEOUT seconds (1200) have passed.
#pragma once

namespace evermilter::test {

inline constexpr const char* kReportVariable = "EVERMILTER_TEST_REPORT";

// Not where the environment names a report, be it an empty name (to run the tests in this process, for a debugger), and
// not for an option that runs no test (--list_content, --help …).
[[nodiscard]] bool wants_judge(int argc, char* const* argv);

// The exit status: 0 passed, 77 none of the test cases is possible here, 1 failed. The last line of standard output is
// "N passed, N failed, N not possible", with one line before it for each that has not passed.
[[nodiscard]] int judge(char** argv);

} // namespace evermilter::test
