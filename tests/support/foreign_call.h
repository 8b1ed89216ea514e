// Makes another process execute a system call, to cause a fault: a descriptor that is suddenly a different one. By
// ptrace(2), on a process with one thread that waits in a system call.
#pragma once

#include <sys/types.h>

#include <array>

namespace evermilter::test {

// Returns the call's result, negative errno values included. not_possible() if it cannot be done here.
long call_in(pid_t process, long number, const std::array<unsigned long, 4>& arguments);

// From now on the process's `descriptor` never becomes readable, and the process does not notice that it is wrong.
void make_deaf(pid_t process, int descriptor);

} // namespace evermilter::test
