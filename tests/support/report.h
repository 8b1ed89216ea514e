// What became of each test case, for the judge (judge.h): "listed NAME" for each that is to run, before the first one
// runs, then "passed NAME", "failed NAME" or "not possible NAME: REASON" at the end of each. The lines are appended to
// the file that the environment's kReportVariable names; without a name there is no report.
#pragma once

#include <string>

namespace evermilter::test {

inline constexpr const char* kReportVariable = "EVERMILTER_TEST_REPORT";

// Ends the running test case: the kernel, the rights or the machine lack what it needs. Which test may say this,
// and with which reason, is pinned in tests/not-possible.txt; any other fails.
[[noreturn]] void not_possible(const std::string& reason);

// Registers the report with Boost.Test.
void report_to_judge();

} // namespace evermilter::test
