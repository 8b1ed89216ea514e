#include "supervisor/children/children.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/base/oom_score.h"
#include "workers/common/base/process_state.h"
#include "workers/common/ipc/child.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr std::array<const char*, 2> kBinaries = {"evermilter-session", "evermilter-scanner"};
// Messages of one child that are gathered in one turn of the loop.
constexpr int kMessagesPerTurn = 64;
// More than a channel's buffer holds (256 of the smallest are in it when it is full). Another process may hold the
// channel of one that is dead, and go on sending.
constexpr int kMessagesPending = 1024;
// Deaths that are worked off in one turn of the loop.
constexpr int kDeathsPerTurn = 64;
// What a child may say at once and in a second beyond what comes with each session and message.
constexpr double kRareAtOnce = 5000;
constexpr double kRarePerSecond = 1000;

std::size_t binary_of(messages::Role role) {
    return role == messages::Role::session ? 0 : 1;
}

std::string own_directory() {
    std::array<char, PATH_MAX> path{};
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0) return {};
    return std::filesystem::path(std::string_view(path.data(), static_cast<std::size_t>(length))).parent_path();
}

// Above those that have a number of their own in the child, until its exec. -1 and errno.
int move_up(int fd) {
    return ::fcntl(fd, F_DUPFD_CLOEXEC, kChildChannel + 1);
}

// In the forked child, with all signals blocked: nothing but async-signal-safe calls, and no return. Signals stay
// blocked until the program has said what it does with them (process_state.h).
[[noreturn]] void execute(int binary, const char* binary_name, int channel, int standard_error, int null,
                          const Identity& identity) {
    ignore_signals();
    // While it is ours to write: after a change of the user it is root's.
    if (identity.switch_user)
        raise_oom_score(kOomPointsOfChild);
    else
        raise_hidden_oom_score(kOomPointsOfChild);
    const char* failed = "cannot become its user";
    if (become(identity)) {
        failed = "cannot be executed";
        for (int* fd : {&binary, &channel, &standard_error, &null}) *fd = move_up(*fd);
        if (binary >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(null, STDOUT_FILENO) >= 0 &&
            ::dup2(standard_error, STDERR_FILENO) >= 0 && ::dup2(channel, kChildChannel) >= 0) {
            std::array<char*, 2> arguments = {const_cast<char*>(binary_name), nullptr};
            ::fexecve(binary, arguments.data(), environ);
        }
    }
    const char* reason = ::strerrordesc_np(errno);
    for (const char* part : {binary_name, " ", failed, ": ", reason == nullptr ? "unknown error" : reason, "\n"})
        static_cast<void>(!::write(STDERR_FILENO, part, std::strlen(part)));
    ::_exit(EX_OSERR);
}

// -1 if there is no such process; 0 of the first one of all.
pid_t parent_of(pid_t pid) {
    // Field 4 of /proc/PID/stat, behind the command's name in parentheses (proc(5)).
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(file, line)) return -1;
    const auto behind = line.rfind(')');
    if (behind == std::string::npos) return -1;
    char state = 0;
    int parent = 0;
    return std::sscanf(line.c_str() + behind + 1, " %c %d", &state, &parent) == 2 ? parent : -1;
}

// Messages that come with each session or mail, and cost next to nothing.
bool is_frequent(const messages::Message& message) {
    return std::holds_alternative<messages::SessionEnded>(message) ||
           std::holds_alternative<messages::Detection>(message) || std::holds_alternative<messages::PoisonMet>(message);
}

// SIGKILL to what a child of ours has forked, whether that lives or not.
void kill_descendant(pid_t child, pid_t pid) {
    const pid_t parent = parent_of(pid);
    if (parent == ::getpid() || (child > 0 && parent == child)) ::kill(pid, SIGKILL);
}

} // namespace

struct Children::Watched {
    Watched(Loop* loop, std::function<void(int)> ready, std::function<void()> overdue)
        : io(loop, std::move(ready)), end_timer(loop, std::move(overdue)) {}
    pid_t pid = 0;
    double rare = kRareAtOnce; // messages that it may still say, as of rare_ns
    std::int64_t rare_ns = monotonic_ns();
    bool silent = false; // ChildSilent was added: nothing is read any more
    IoWatcher io;
    TimerWatcher end_timer;
};

Children::Children(Loop* loop, State& state, Handlers handlers)
    : loop_(loop),
      state_(state),
      handlers_(std::move(handlers)),
      child_signal_(loop, SIGCHLD, [this] { dead_ = true; }),
      turn_(loop, [this] { work_off(); }),
      again_(loop, [] {}) {}

Children::~Children() = default;

Result<void> Children::open_binaries() {
    null_ = unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null_) return system_error("cannot open /dev/null");
    const std::array<std::string, 2> directories = {own_directory(), EVERMILTER_LIBEXEC_DIRECTORY};
    for (std::size_t i = 0; i < kBinaries.size(); ++i) {
        for (const std::string& directory : directories) {
            const std::string path = directory + "/" + kBinaries[i];
            binaries_[i] = unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
            if (binaries_[i]) break;
            if (errno != ENOENT) return system_error("cannot open " + path);
        }
        if (!binaries_[i]) {
            return Error{ENOENT, std::string("cannot find ") + kBinaries[i] + " in " + directories[0] + " or " +
                                     directories[1] + ": the installation is not complete"};
        }
    }
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return system_error("becoming the reaper of descendants");
    return {};
}

Result<void> Children::start(Child& child, messages::Role role, const Identity& identity) {
    auto ends = seqpacket_pair(Blocking::no, Blocking::no);
    if (!ends) return std::move(ends).error();
    const std::size_t which = binary_of(role);
    const int standard_error = silent_ ? null_.get() : STDERR_FILENO;

    // Until its exec the child has our handlers, which would swallow what is meant for it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    static_cast<void>(::sigprocmask(SIG_BLOCK, &all, &before));
    const pid_t pid = ::fork();
    if (pid == 0)
        execute(binaries_[which].get(), kBinaries[which], ends->second.get(), standard_error, null_.get(), identity);
    Error failed = system_error(std::string("cannot start ") + kBinaries[which]);
    static_cast<void>(::sigprocmask(SIG_SETMASK, &before, nullptr));
    if (pid < 0) return failed;

    watch(child, role, pid, std::move(ends->first));
    log::debug("child-started", {{"child", messages::role_name(role)}, {"child_pid", pid}});
    return {};
}

void Children::watch(Child& child, messages::Role role, pid_t pid, unique_fd channel) {
    child.id = state_.next_child++;
    child.role = role;
    child.state = WorkerState::starting;
    child.pid = pid;
    child.greeted = false;
    child.kill_reason.clear();
    child.unanswered = 0;
    child.beats = 0;
    child.started_ns = monotonic_ns();
    child.channel = Channel(std::move(channel));
    if (pid != 0) pid_is_taken(pid);
    const std::uint64_t id = child.id;
    auto watched = std::make_unique<Watched>(
        loop_, [this, id](int) { readable(id); },
        [this, id] {
            if (Child* late = state_.find_child(id)) kill(*late, "its channel ended and it did not");
        });
    watched->pid = pid;
    watched->io.start(child.channel.fd(), EV_READ);
    watched_.emplace(id, std::move(watched));
}

// Whoever was said to have the pid of a process that we have just forked is no more.
void Children::pid_is_taken(pid_t pid) {
    for (auto& [id, watched] : watched_) {
        if (watched->pid != pid) continue;
        watched->pid = 0;
        Child* former = state_.find_child(id);
        if (former == nullptr) continue;
        former->pid = 0;
        events_.add(ChildEnded{id, 0, 0});
    }
}

Result<unique_fd> Children::expect(Child& child, messages::Role role) {
    auto ends = seqpacket_pair(Blocking::no, Blocking::no);
    if (!ends) return std::move(ends).error();
    watch(child, role, 0, std::move(ends->first));
    child.greeted = true; // no exec, so no other protocol
    return std::move(ends->second);
}

void Children::forked(Child& child, pid_t pid) {
    child.pid = pid;
    const auto found = watched_.find(child.id);
    if (found != watched_.end()) found->second->pid = pid;
    static_cast<void>(apply(child, WorkerEvent::ready));
}

void Children::ended(Child& child, int wait_status) {
    static_cast<void>(hear(child));
    events_.add(ChildEnded{child.id, child.pid, wait_status});
}

void Children::send(Child& child, messages::Message message) {
    if (!child.channel.open()) return;
    auto sent = child.channel.send(std::move(message));
    if (sent) {
        update_watcher(child);
        return;
    }
    // EPIPE: it is ending; what it had sent is still to be read, and its exit will come.
    if (sent.error().code != EPIPE && sent.error().code != ECONNRESET) kill(child, sent.error().what);
}

template <class Message>
void Children::send_each(const Message& message) {
    for (SessionWorker& worker : state_.session_workers) send(worker.child, message);
    for (Generation& generation : state_.generations) {
        send(generation.loader, message);
        if (generation.standby.pid != 0) send(generation.standby, message);
    }
}

void Children::send_to_all(const messages::ReopenLog& message) {
    send_each(message);
}

void Children::send_to_all(const messages::ShutdownTime& message) {
    send_each(message);
}

void Children::ping(Child& child, std::uint64_t serial) {
    if (!child.channel.open()) return;
    ++child.unanswered;
    send(child, messages::Ping{serial});
}

std::vector<std::uint64_t> Children::ids() const {
    std::vector<std::uint64_t> all;
    all.reserve(watched_.size());
    for (const auto& [id, watched] : watched_)
        if (watched->pid != 0) all.push_back(id); // one that is only expected has nobody to answer
    return all;
}

bool Children::apply(Child& child, WorkerEvent event) {
    if (const auto state = next(child.state, event)) {
        child.state = *state;
        return true;
    }
    kill(child, std::string("\"") + name(event) + "\" has no place in state " + name(child.state));
    return false;
}

void Children::kill(Child& child, const std::string& reason) {
    if (child.pid <= 0 || !child.kill_reason.empty()) return;
    log::warning("child-killed",
                 {{"child", messages::role_name(child.role)}, {"child_pid", child.pid}, {"reason", reason}});
    child.state = WorkerState::stopping;
    if (child.kill_reason.empty()) child.kill_reason = reason;
    // A standby is its loader's child; ours when that is dead, reaped or not.
    if (const Generation* generation = state_.find_generation_of_standby(child.id))
        kill_descendant(generation->loader.pid, child.pid);
    else
        ::kill(child.pid, SIGKILL);
}

void Children::update_watcher(Child& child) {
    const auto found = watched_.find(child.id);
    if (found == watched_.end()) return;
    if (!child.channel.open() || found->second->silent) {
        found->second->io.stop();
        return;
    }
    found->second->io.start(child.channel.fd(), child.channel.wants_write() ? EV_READ | EV_WRITE : EV_READ);
}

// ---------------------------------------------------------------- gathered

void Children::readable(std::uint64_t id) {
    Child* child = state_.find_child(id);
    if (child == nullptr) return;
    if (child->channel.wants_write()) {
        auto flushed = child->channel.flush();
        if (!flushed && flushed.error().code != EPIPE) kill(*child, flushed.error().what);
    }
    static_cast<void>(gather(*child, kMessagesPerTurn));
    update_watcher(*child);
}

bool Children::hear(Child& child) {
    const bool open = gather(child, kMessagesPending);
    update_watcher(child);
    return open;
}

// False: nothing more will come.
bool Children::gather(Child& child, int most) {
    const auto found = watched_.find(child.id);
    if (found == watched_.end() || found->second->silent || !child.channel.open()) return false;
    const auto silent = [&](std::string fault) {
        found->second->silent = true;
        events_.add(ChildSilent{child.id, std::move(fault)});
        return false;
    };
    for (int count = 0; count < most; ++count) {
        auto received = child.channel.receive();
        if (!received) return silent(received.error().what);
        switch (received->kind) {
            case Received::Kind::would_block:
                return true;
            case Received::Kind::end:
                return silent({});
            case Received::Kind::message:
                // That it lives is known now, whatever else is to be worked off.
                if (child.greeted && std::holds_alternative<messages::Pong>(received->message))
                    child.unanswered = 0;
                else if (child.role == messages::Role::standby) // else it might be taken as said by a loader
                    return silent("a standby only answers pings");
                else
                    events_.add(ChildSaid{child.id, std::move(received->message)});
                break;
        }
    }
    return true;
}

// One at a time: those that died later keep their pids until all that came before is worked off. False: there is none.
bool Children::find_dead() {
    siginfo_t found{};
    if (::waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) != 0 || found.si_pid == 0) return false;
    const pid_t pid = found.si_pid;
    const auto entry = std::find_if(watched_.begin(), watched_.end(),
                                    [pid](const auto& watched) { return watched.second->pid == pid; });
    Child* child = entry == watched_.end() ? nullptr : state_.find_child(entry->first);
    if (child != nullptr) static_cast<void>(hear(*child));
    events_.add(ChildDied{child == nullptr ? 0 : child->id, pid});
    return true;
}

// ---------------------------------------------------------------- worked off

void Children::work_off() {
    for (int deaths = 0;; ++deaths) {
        events_.work_off([this](ChildEvent&& event) { handle(std::move(event)); }, handlers_.sweep);
        if (!dead_) return;
        if (deaths == kDeathsPerTurn) {
            again_.start(0ns);
            return;
        }
        dead_ = find_dead();
    }
}

void Children::handle(ChildEvent&& event) {
    if (auto* spoken = std::get_if<ChildSaid>(&event)) {
        if (Child* child = state_.find_child(spoken->child)) said(*child, std::move(spoken->message));
    } else if (const auto* silent = std::get_if<ChildSilent>(&event)) {
        if (Child* child = state_.find_child(silent->child)) channel_ended(*child, silent->fault);
    } else if (const auto* died = std::get_if<ChildDied>(&event)) {
        int wait_status = 0;
        static_cast<void>(::waitpid(died->pid, &wait_status, WNOHANG));
        if (died->child != 0)
            exited(died->child, died->pid, wait_status);
        else
            handlers_.orphan_reaped(died->pid, wait_status);
    } else if (const auto* ended = std::get_if<ChildEnded>(&event)) {
        if (watched_.contains(ended->child)) exited(ended->child, ended->pid, ended->wait_status);
    }
}

bool Children::within_budget(const Child& child, const messages::Message& message) {
    const auto found = watched_.find(child.id);
    if (found == watched_.end() || is_frequent(message)) return true;
    Watched& watched = *found->second;
    const std::int64_t now = monotonic_ns();
    const double seconds = static_cast<double>(now - watched.rare_ns) / 1e9;
    watched.rare_ns = now;
    watched.rare = std::min(kRareAtOnce, watched.rare + seconds * kRarePerSecond);
    return --watched.rare >= 0;
}

void Children::said(Child& child, messages::Message&& message) {
    if (!within_budget(child, message)) {
        kill(child, std::string("it floods with ") + messages::message_name(message));
        return;
    }
    if (const auto* hello = std::get_if<messages::Hello>(&message)) {
        if (child.greeted || hello->protocol != messages::kProtocol || hello->role != child.role) {
            kill(child, "its Hello is not of this version");
            return;
        }
        child.greeted = true;
        return;
    }
    if (!child.greeted) {
        kill(child, "its first message is not Hello");
        return;
    }
    if (std::holds_alternative<messages::Pong>(message)) {
        child.unanswered = 0;
        return;
    }
    handlers_.message(child, std::move(message));
}

void Children::channel_ended(Child& child, const std::string& fault) {
    if (!fault.empty()) kill(child, "it sent what is no message of ours: " + fault);
    child.channel.close();
    static_cast<void>(apply(child, WorkerEvent::channel_end));
    const auto found = watched_.find(child.id);
    if (found != watched_.end()) found->second->end_timer.start(graces::kEndAfterChannel);
}

void Children::exited(std::uint64_t id, pid_t pid, int wait_status) {
    watched_.erase(id);
    Child* child = state_.find_child(id);
    if (child == nullptr) return;
    child->pid = 0; // from here on nobody can signal it
    child->channel.close();
    child->state = WorkerState::dead;
    handlers_.exited(*child, pid, wait_status);
}

void Children::claim(pid_t pid) {
    pid_is_taken(pid);
    claimed_.insert(pid);
}

bool Children::is_watched(pid_t pid) const {
    return claimed_.contains(pid) ||
           std::any_of(watched_.begin(), watched_.end(), [pid](const auto& entry) { return entry.second->pid == pid; });
}

Children::Kin Children::kin(const Child& parent, std::int64_t pid) const {
    if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return Kin::stranger;
    const auto process = static_cast<pid_t>(pid);
    const pid_t actual = parent_of(process);
    if (actual < 0) return Kin::ended;
    if (parent.pid > 0 && actual == parent.pid) return Kin::forked;
    return actual == ::getpid() && !is_watched(process) ? Kin::forked : Kin::stranger;
}

bool Children::is_orphan(pid_t pid) const {
    return pid > 0 && parent_of(pid) == ::getpid() && !is_watched(pid);
}

bool Children::inherited(const Child& child) {
    return child.pid > 0 && parent_of(child.pid) == ::getpid();
}

void Children::kill_orphan(pid_t pid) const {
    // A child of ours that is not reaped cannot have its pid used again; another process is none of our business.
    if (is_orphan(pid)) ::kill(pid, SIGKILL);
}

bool has_temp_failed(int wait_status) noexcept {
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == messages::kScannerTempFailed;
}

std::string end_text(const Child& child, int wait_status) {
    return child.kill_reason.empty() ? wait_status_text(wait_status) : "killed: " + child.kill_reason;
}

std::string wait_status_text(int wait_status) {
    if (WIFEXITED(wait_status)) return "exit status " + std::to_string(WEXITSTATUS(wait_status));
    if (WIFSIGNALED(wait_status)) {
        const int number = WTERMSIG(wait_status);
        const char* text = ::sigdescr_np(number);
        return "signal " + std::to_string(number) + " (" + (text == nullptr ? "unknown" : text) + ")";
    }
    return "wait status " + std::to_string(wait_status);
}

} // namespace evermilter::supervisor
