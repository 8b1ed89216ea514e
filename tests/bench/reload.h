// Reloads as the benchmarks measure them.
#pragma once

#include "tests/support/service.h"

namespace evermilter::bench {

// Forces a reload and waits for its end; returns its seconds as the service counts them. Ends the program if it is
// refused.
[[nodiscard]] double reload_seconds(const test::Service& service);

// Waits until the last reload's old engine is gone: while there are two, the next load waits.
void wait_drained(const test::Service& service);

} // namespace evermilter::bench
