// What became of each test case, for the judge (judge.h): "listed NAME" for each that is to run, before the first one
// runs, then "passed NAME", "failed NAME" or "not possible NAME: REASON" at the end of each. The lines are appended to
// the file that EVERMILTER_TEST_REPORT names; without a name there is no report.
#pragma once

#include <string>

namespace evermilter::test {

// Ends the running test case: the kernel, the rights or the machine lack what it needs. Which test may say this,
// and with which reason, is pinned in tests/not-possible.txt; any other fails.
[[noreturn]] void not_possible(const std::string& reason);

// Registers with Boost.Test; a global fixture of main.cc.
class Report {
  public:
    Report();
};

} // namespace evermilter::test
