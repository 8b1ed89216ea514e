// What a process inherits from its starter, set explicitly at the start of each role: signals, limits, umask,
// working directory, environment. A service manager, a container or a shell may have left any of it in any state.
#pragma once

#include <initializer_list>

namespace evermilter {

// Every signal that can be caught and of which no role has a use is ignored: `systemctl kill` sends to all processes of
// a service. Left as they are by default: those by which a process fails (SEGV, BUS, ABRT …), of which none stays
// ignored, SIGCHLD, and `handled`, for which the role will install its handlers. Timers whose signals would come are
// stopped. Before any thread is made.
void ignore_signals(std::initializer_list<int> handled = {}) noexcept;

// The signals that are blocked from now on: none but these, whatever was inherited.
enum class Blocked {
    none,
    // Of the supervisor until its handlers are there: what comes early is kept (HUP, USR1, USR2, CHLD).
    until_handled,
    // Of a child: it stops by message or by the end of its channel; a signal to the whole process group stops none
    // (TERM, INT, HUP). ABRT is what systemd sends to all processes of a service whose watchdog was not fed; abort(3)
    // unblocks it first.
    in_child,
};
bool block_signals(Blocked which) noexcept;

// umask 022; soft limits of CPU time, file size, data and address space as far as the hard ones allow, and a stack of 8
// MiB; the root directory is the working one, which may have been deleted or be wanted by somebody.
void set_surroundings() noexcept;

// From now on no process of the same user reads the memory of this one or of what it forks, nor traces it (ptrace(2),
// /proc/PID/mem), and it leaves no core. What it may open below /proc/self is then root's too.
void hide_memory() noexcept;

// Leaves of the environment only what we or the C library have a use for, and a PATH of the system's. Nothing that
// changes how the dynamic linker or the allocator works, nor where files are put, reaches a child. What
// EVERMILTER_KEEP_ENVIRONMENT names (blanks between) stays as well, that variable included: for debugging.
void clean_environment();

} // namespace evermilter
