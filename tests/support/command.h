// Runs a program to its end, as an operator does, and keeps its output.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

struct Outcome {
    int status = 0; // exit code, or 128 + signal
    std::string output;
    std::string errors;
};

// A user and group to run as; only root may change to another.
struct RunAs {
    uid_t user = 0;
    gid_t group = 0;
};

// A child with a session of its own and descriptors 0 to 2 as given (-1: /dev/null). CLOEXEC closes all others except
// `passed`, which become 3 and up, as a service manager passes sockets (with LISTEN_PID and LISTEN_FDS set). `at_last`
// is called in the child before its exec, for system calls only.
struct Child {
    pid_t pid = 0;
    unique_fd pidfd;
};
[[nodiscard]] Child start_program(const std::vector<std::string>& command, int output, int errors,
                                  std::optional<RunAs> user = std::nullopt,
                                  const std::vector<std::string>& environment = {}, const std::vector<int>& passed = {},
                                  void (*at_last)() = nullptr);
// Waits for the child's end; throws NeverHappened after kPatience. Exit code, or 128 + signal.
[[nodiscard]] int wait_exit(Child& child);

// command[0] is looked up in PATH if it has no slash. A program that does not end is killed, and the test fails.
[[nodiscard]] Outcome run(const std::vector<std::string>& command, std::optional<RunAs> user = std::nullopt);

// A program of this build.
[[nodiscard]] std::string program(const std::string& name);

// A user that exists on every system and is not root, for tests that need a second user.
[[nodiscard]] RunAs nobody();
[[nodiscard]] bool is_root();

} // namespace evermilter::test
