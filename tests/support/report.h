// The result of each test case, one line each, for tests/run: "passed NAME", "failed NAME" or "not possible NAME:
// REASON", appended to the file that EVERMILTER_TEST_REPORT names (if unset: no report). A test case that never ran has
// no line, and tests/run counts it as failed.
#pragma once

#include <string>

namespace evermilter::test {

// Ends the running test case because the kernel, the rights or the machine lack what it needs. tests/not-possible.txt
// pins which test may say this, and with which reason; tests/run fails on any other.
[[noreturn]] void not_possible(const std::string& reason);

// Registers with Boost.Test; a global fixture of main.cc.
class Report {
  public:
    Report();
};

} // namespace evermilter::test
