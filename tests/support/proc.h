// What /proc says about the processes under test: which are alive, which descriptors they hold, what they cost. If a
// process ends while a function looks at it, the result is as if it had not been there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace evermilter::test {

struct Process {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t session = 0; // of setsid(2)
    char state = '?';  // R, S, D, T, Z …
    std::string name;  // comm, at most 15 bytes
    std::uint64_t start_time = 0;
    std::uint64_t cpu_ticks = 0; // user and system, in clock ticks
    long threads = 0;
};

struct Descriptor {
    int number = 0;
    std::string target; // "/memfd:name (deleted)", "socket:[123]", "/path"

    [[nodiscard]] bool memfd() const { return target.starts_with("/memfd:"); }
    [[nodiscard]] bool message() const { return target.starts_with("/memfd:evermilter-message"); } // not a spooled one
    [[nodiscard]] bool deleted_file() const { return !memfd() && target.ends_with(" (deleted)"); }
};

[[nodiscard]] std::optional<Process> process(pid_t pid);
[[nodiscard]] bool alive(pid_t pid); // a zombie is not alive
// All processes whose session is `session`, zombies left out.
[[nodiscard]] std::vector<Process> processes_of_session(pid_t session);
[[nodiscard]] std::vector<Process> children(pid_t parent);

// The ids of a process's threads; empty if it has ended.
[[nodiscard]] std::vector<pid_t> threads_of(pid_t pid);

[[nodiscard]] std::vector<Descriptor> descriptors(pid_t pid);
[[nodiscard]] std::string read_descriptor(pid_t pid, int number); // from offset 0, whatever the shared offset is
[[nodiscard]] std::string executable(pid_t pid);
[[nodiscard]] uid_t real_user(pid_t pid);
// A thread's nice value, as setpriority(2) has set it; 0 if it has ended.
[[nodiscard]] int nice_value(pid_t thread);
// The value of a line of /proc/PID/status: "CapEff", "Threads", "NoNewPrivs"; empty if absent.
[[nodiscard]] std::string status_field(pid_t pid, const std::string& field);
// Proportional set size in KiB, from smaps_rollup.
[[nodiscard]] std::uint64_t pss_kib(pid_t pid);

// Sends the signal and, for SIGSTOP, waits until the process is stopped.
void stop_process(pid_t pid);
void continue_process(pid_t pid);

// All entries below `folder`, with paths relative to it, sorted.
[[nodiscard]] std::vector<std::string> entries_below(const std::filesystem::path& folder);
[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& content);

} // namespace evermilter::test
