#include "supervisor/infected_command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "supervisor/children/wait_status.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/base/log.h"
#include "workers/common/base/oom_score.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {
namespace {

// Until the process that waits for the program has itself ended.
constexpr std::chrono::seconds kGrace{5};

// A stranger's text as an argument.
std::string harmless(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
    return text;
}

// In the process that becomes the program, which gets no descriptor of ours: not even the pipe of its helper, which it
// could write to, or keep open beyond the helper's end. An errno goes to `fault` if it does not become the program.
[[noreturn]] void become_program(const Identity& user, const std::vector<char*>& words, int fault) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = ::open("/dev/null", O_RDWR); // NOLINT(android-cloexec-open)
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, standard);
    constexpr int kFault = 3;
    if (fault != kFault && ::dup3(fault, kFault, O_CLOEXEC) < 0) ::_exit(127);
    ::close_range(kFault + 1, ~0U, 0);
    if (become(user, kOomPointsOfScanner)) {
        // Cleared by a change of user.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execv(words.front(), words.data());
    }
    const int error = errno;
    static_cast<void>(!::write(kFault, &error, sizeof error));
    ::_exit(127);
}

// Whether the process ended within `timeout`.
bool ends_within(pid_t pid, std::chrono::nanoseconds timeout) {
    const unique_fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) return false;
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd ended{process.get(), POLLIN, 0};
        const int ready = ::poll(&ended, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

} // namespace

std::string run_program(const Identity& user, const std::string& program, const std::vector<std::string>& arguments,
                        std::chrono::nanoseconds timeout) {
    std::vector<std::string> texts{program};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<char*> words;
    words.reserve(texts.size() + 1);
    for (std::string& text : texts) words.push_back(text.data());
    words.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("a pipe").what;
    const unique_fd fault(ends[0]);
    unique_fd fault_end(ends[1]);
    const pid_t pid = ::fork();
    if (pid == 0) become_program(user, words, fault_end.get());
    if (pid < 0) return system_error("cannot fork").what;
    ::setpgid(pid, pid); // whichever of the two comes first
    fault_end.reset();
    const bool in_time = ends_within(pid, timeout);
    if (!in_time) ::kill(-pid, SIGKILL);
    int wait_status = 0;
    while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    int error = 0;
    if (::read(fault.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error))
        return "cannot run " + program + ": " + std::strerror(error); // NOLINT(concurrency-mt-unsafe)
    if (!in_time) return "it took longer than on_infected.timeout";
    return wait_status == 0 ? "" : "it ended: " + wait_status_text(wait_status);
}

InfectedCommand::InfectedCommand(State& state, const Settings& settings, Run run)
    : state_(state), settings_(settings), run_(std::move(run)) {}

void InfectedCommand::on_detection(const messages::Detection& detection) {
    const config::OnInfected& config = settings_.config.on_infected;
    if (config.command.empty()) return;
    if (stopped_) return drop(detection.queue_id, "the service stops");
    if (running_ == kAtOnce && waiting_.size() >= config.queue)
        return drop(detection.queue_id, "on_infected.queue is full");
    Waiting one{{detection.virus, detection.queue_id, detection.sender, detection.recipients, detection.subject,
                 detection.message_id, detection.date},
                detection.queue_id};
    for (std::string& argument : one.arguments) argument = harmless(std::move(argument));
    if (running_ < kAtOnce)
        begin(std::move(one));
    else
        waiting_.push_back(std::move(one));
}

void InfectedCommand::begin(Waiting waiting) {
    ++running_;
    const config::OnInfected& config = settings_.config.on_infected;
    run_(
        config.timeout + kGrace,
        [user = settings_.identities.session, program = config.command, timeout = config.timeout,
         arguments = std::move(waiting.arguments)] { return run_program(user, program, arguments, timeout); },
        [this, queue_id = waiting.queue_id](const Result<std::string>& result) { end(queue_id, result); });
}

void InfectedCommand::end(const std::string& queue_id, const Result<std::string>& result) {
    --running_;
    const std::string fault = result ? *result : result.error().what;
    state_.counters.add("on_infected", fault.empty() ? CommandEnd::done : CommandEnd::failed);
    if (!fault.empty()) log::warning("infected-command-failed", {{"queue_id", queue_id}, {"reason", fault}});
    if (settings_.config.on_infected.command.empty()) drop_all("on_infected.command is not set any more");
    if (stopped_ || waiting_.empty()) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    begin(std::move(next));
}

void InfectedCommand::drop(const std::string& queue_id, const char* reason) {
    state_.counters.add("on_infected", CommandEnd::dropped);
    log::warning("infected-command-dropped", {{"queue_id", queue_id}, {"reason", reason}});
}

void InfectedCommand::stop() {
    stopped_ = true;
    drop_all("the service stops");
}

void InfectedCommand::drop_all(const char* reason) {
    for (const Waiting& one : std::exchange(waiting_, {})) drop(one.queue_id, reason);
}

} // namespace evermilter::supervisor
