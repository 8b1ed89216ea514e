// libclamav names its temporary files by rand(3). Forked processes inherit the loader's state, and would take
// one another's names (architecture.md, invariant 3).
#pragma once

namespace evermilter::scanner {

// Seeds rand() from the kernel. In each child, after fork(2) and before its first scan.
void seed_random() noexcept;

} // namespace evermilter::scanner
