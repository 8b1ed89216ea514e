// Has another process make a system call, as a fault would: a descriptor that is suddenly another one. By ptrace(2), on
// a process with one thread that waits in a system call.
#pragma once

#include <sys/types.h>

#include <array>

namespace evermilter::test {

// The call's result, negative errno values included. not_possible() where it cannot be done here.
long call_in(pid_t process, long number, const std::array<unsigned long, 4>& arguments);

// From now on what the process has as `descriptor` never becomes readable, and nobody sees that it is wrong.
void make_deaf(pid_t process, int descriptor);

} // namespace evermilter::test
