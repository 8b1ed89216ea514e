#include "workers/scanner/file_trial.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "workers/common/base/unique_fd.h"
#include "workers/scanner/libclamav/engine.h"

namespace evermilter::scanner {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kLongestAnswer = 2048;

// "+COUNT" or "-REASON".
std::string try_here(const config::Scanner& config, const std::string& path, const std::string& shown_as,
                     const std::string& temp_directory) {
    auto engine = Engine::create(config);
    if (!engine) return "-" + engine.error().reason;
    if (auto set = engine->set_temp_directory(temp_directory); !set) return "-" + set.error().what;
    if (auto loaded = engine->load(path, shown_as); !loaded) return "-" + loaded.error().reason;
    if (auto compiled = engine->compile(); !compiled) return "-" + shown_as + ": " + compiled.error().reason;
    return "+" + std::to_string(engine->signatures());
}

[[noreturn]] void answer_and_end(int pipe, std::string answer) {
    answer.resize(std::min(answer.size(), kLongestAnswer));
    const ssize_t written = ::write(pipe, answer.data(), answer.size());
    ::_exit(written == static_cast<ssize_t>(answer.size()) ? 0 : 1);
}

// What it said until it ended, or nothing more after `bound`.
std::string hear(int pipe, milliseconds bound) {
    const auto end = steady_clock::now() + bound;
    std::string answer;
    for (;;) {
        const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now()).count();
        pollfd readable{pipe, POLLIN, 0};
        const int ready = ::poll(&readable, 1, static_cast<int>(std::clamp<long long>(left, 0, 3'600'000)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return answer;
        std::array<char, kLongestAnswer> bytes{};
        const ssize_t got = ::read(pipe, bytes.data(), bytes.size());
        if (got <= 0) return answer;
        answer.append(bytes.data(), static_cast<std::size_t>(got));
    }
}

} // namespace

Result<std::uint64_t, Refusal> try_database_file(const config::Scanner& config, const std::string& path,
                                                 const std::string& shown_as, const std::string& temp_directory,
                                                 milliseconds bound) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Refusal{EX_OSERR, system_error("pipe2").what};
    const unique_fd ours(ends[0]);
    unique_fd theirs(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return Refusal{EX_OSERR, system_error("cannot fork a process that tries " + shown_as).what};
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        // The thread that loads ends with its process; nobody else reaps this one, and nothing here runs on.
        answer_and_end(theirs.get(), try_here(config, path, shown_as, temp_directory));
    }
    theirs.reset();
    const std::string answer = hear(ours.get(), bound);
    if (answer.empty()) (void)::kill(child, SIGKILL); // ours and not reaped
    int wait_status = 0;
    while (::waitpid(child, &wait_status, 0) < 0 && errno == EINTR) {
    }
    if (answer.empty()) {
        const bool crashed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) != SIGKILL;
        return Refusal{EX_DATAERR,
                       shown_as + (crashed ? ": libclamav crashes when it loads it (" +
                                                 std::string(::strsignal(WTERMSIG(wait_status))) + ")"
                                           : ": not loaded within " + std::to_string(bound.count()) + " ms")};
    }
    std::uint64_t count = 0;
    if (answer.front() == '+') {
        std::from_chars(answer.data() + 1, answer.data() + answer.size(), count);
        return count;
    }
    return Refusal{EX_DATAERR, answer.substr(1)};
}

} // namespace evermilter::scanner
