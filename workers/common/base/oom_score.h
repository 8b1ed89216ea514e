// Whom the kernel ends first when memory runs out (proc(5), oom_score_adj): scanners, which cost one message a retry,
// and programs of on_infected.command before session workers, loaders and standbys, and those before the supervisor,
// which keeps what it was started with.
#pragma once

#include <sys/types.h>

namespace evermilter {

// In thousandths of the memory that the process may use, above what its parent has.
inline constexpr int kOomPointsOfChild = 100;   // session worker, loader; the standby, forked from it, has the same
inline constexpr int kOomPointsOfScanner = 200; // above its loader; on_infected.command above us

// Raises the calling process's own score, at most to 1000; needs no privilege. Async-signal-safe. Where /proc cannot
// be written nothing changes: the order of victims is then the kernel's own.
void raise_oom_score(int points) noexcept;
// The same where the process has hidden its memory (process_state.h), which takes the file from it: for that moment it
// is not hidden. Hidden afterwards.
void raise_hidden_oom_score(int points) noexcept;
// Another process's, by root.
void raise_oom_score_of(pid_t pid, int points) noexcept;

} // namespace evermilter
