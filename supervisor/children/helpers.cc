#include "supervisor/children/helpers.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>

#include "supervisor/children/children.h"
#include "workers/common/base/log.h"

namespace evermilter::supervisor {

struct Helpers::Running {
    Running(Loop* loop, Helpers& helpers, std::string with_what)
        : what(std::move(with_what)),
          readable(loop, [this, &helpers](int) { helpers.read(*this); }),
          bound(loop,
                [this] {
                    late = true;
                    ::kill(pid, SIGKILL); // not reaped before on_reaped()
                }),
          failed(loop, [this, &helpers] {
              helpers.end(std::find_if(helpers.running_.begin(), helpers.running_.end(),
                                       [this](const Running& one) { return &one == this; }),
                          0);
          }) {}

    std::string what;
    Done done;
    pid_t pid = 0;
    unique_fd end; // of the pipe
    std::string result;
    std::string error; // not empty: why there is no result
    bool late = false;
    bool whole = false;
    IoWatcher readable;
    TimerWatcher bound;
    TimerWatcher failed; // it was never forked
};

namespace {

// The last byte of a result: without it the process has ended before it had written all.
constexpr char kWhole = '\n';

void write_all(int fd, const std::string& text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const ssize_t put = ::write(fd, text.data() + at, text.size() - at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) ::_exit(EX_IOERR);
        at += static_cast<std::size_t>(put);
    }
}

// In the forked process. What is open is closed, the job included may open its own.
[[noreturn]] void work(pid_t supervisor, int result, const Helpers::Job& job) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != supervisor) ::_exit(EX_OK);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    for (int number = 1; number < NSIG; ++number) static_cast<void>(::signal(number, SIG_DFL));
    sigset_t none;
    sigemptyset(&none);
    static_cast<void>(::sigprocmask(SIG_SETMASK, &none, nullptr));
    constexpr int kResult = 3;
    if (result != kResult && ::dup2(result, kResult) < 0) ::_exit(EX_OSERR);
    ::close_range(kResult + 1, ~0U, 0);
    try {
        write_all(kResult, job() + kWhole);
    } catch (const std::exception&) {
        ::_exit(EX_SOFTWARE);
    }
    ::_exit(EX_OK);
}

} // namespace

Helpers::Helpers(Loop* loop, Children& children) : loop_(loop), children_(children), graveyard_(loop) {}

Helpers::~Helpers() {
    for (Running& one : running_) one.done = {};
    stop();
}

void Helpers::run(std::string what, std::chrono::nanoseconds bound, const Job& job, Done done) {
    Running& running = running_.emplace_back(loop_, *this, std::move(what));
    running.done = std::move(done);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        running.error = system_error("a pipe").what;
        running.failed.start(std::chrono::nanoseconds::zero());
        return;
    }
    running.end.reset(ends[0]);
    const unique_fd write_end(ends[1]);
    static_cast<void>(::fcntl(ends[0], F_SETFL, O_NONBLOCK));
    const pid_t supervisor = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) work(supervisor, write_end.get(), job);
    if (pid < 0) {
        running.error = system_error("cannot fork").what;
        running.failed.start(std::chrono::nanoseconds::zero());
        return;
    }
    running.pid = pid;
    children_.claim(pid);
    running.readable.start(running.end.get(), EV_READ);
    running.bound.start(bound);
}

void Helpers::read(Running& running) {
    std::array<char, 65536> part{};
    for (;;) {
        const ssize_t got = ::read(running.end.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) break;
        running.result.append(part.data(), static_cast<std::size_t>(got));
        if (running.result.size() > kLargestResult) {
            running.error = "its result is too large";
            ::kill(running.pid, SIGKILL);
            break;
        }
    }
    running.readable.stop();
    running.end.reset();
    running.whole = running.result.ends_with(kWhole);
    if (running.whole) running.result.pop_back();
}

bool Helpers::on_reaped(pid_t pid, int wait_status) {
    const auto found =
        std::find_if(running_.begin(), running_.end(), [pid](const Running& one) { return one.pid == pid; });
    if (found == running_.end()) return false;
    children_.release(pid);
    if (found->end) read(*found);
    end(found, wait_status);
    return true;
}

void Helpers::end(std::list<Running>::iterator running, int wait_status) {
    // It is in the list no more when `done` runs, which may run another; and this may be its own timer's callback.
    auto ended = std::make_unique<std::list<Running>>();
    ended->splice(ended->end(), running_, running);
    Running& one = ended->front();
    one.readable.stop();
    one.bound.stop();
    std::string error = one.error;
    if (error.empty() && one.late) error = "it took too long";
    if (error.empty() && (!one.whole || wait_status != 0))
        error = "its process ended: " + wait_status_text(wait_status);
    if (!error.empty()) log::warning("helper-failed", {{"what", one.what}, {"error", error}});
    const Done done = std::move(one.done);
    Result<std::string> result = std::move(one.result);
    if (!error.empty()) result = Error{EIO, one.what + ": " + error};
    graveyard_.bury(std::move(ended));
    if (done) done(std::move(result));
}

void Helpers::stop() {
    for (Running& one : running_) {
        if (one.pid != 0) ::kill(one.pid, SIGKILL);
    }
}

} // namespace evermilter::supervisor
