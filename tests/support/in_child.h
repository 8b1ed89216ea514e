// A check in a process of its own, for effects that stay with a process or depend on all of its memory.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace evermilter::test {

// Whether `check` returned true. False also if the process could not be made or died.
template <class Check>
[[nodiscard]] bool holds_in_child(Check check) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(check() ? 0 : 1);
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace evermilter::test
