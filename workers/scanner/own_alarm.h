// SIGALRM, by which a process ends that hangs in libclamav, and by nobody else's will.
#pragma once

namespace evermilter::scanner {

// From now on an alarm(2) of this process that runs out ends it by SIGALRM; one that another process sends does
// nothing.
void heed_own_alarm() noexcept;

} // namespace evermilter::scanner
