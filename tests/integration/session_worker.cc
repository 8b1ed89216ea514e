// See session_worker.h.
#include "tests/integration/session_worker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "config/parse.h"
#include "tests/integration/failing_new.h"
#include "tests/support/peers.h"
#include "tests/support/proc.h"
#include "tests/support/waiting.h"
#include "workers/common/ipc/child.h"

namespace evermilter::test {
namespace {

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().what);
    return std::move(*result);
}
void must(const Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().what);
}

void check(bool good, const char* what) {
    if (!good) throw std::system_error(errno, std::generic_category(), what);
}

unique_fd listen_on(const sockaddr* address, socklen_t size) {
    unique_fd listener(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    check(static_cast<bool>(listener), "socket");
    check(::bind(listener.get(), address, size) == 0, "bind");
    check(::listen(listener.get(), 64) == 0, "listen");
    return listener;
}

} // namespace

messages::ScanJob FakeScanners::receive() {
    wait_for(queue_.get(), POLLIN, "a scan job");
    auto received = must(receive_message<messages::ToScanner>(queue_.get()));
    if (received.kind != ReceivedKind::message) throw std::runtime_error("the queue has ended");
    return std::move(std::get<messages::ScanJob>(received.message));
}

messages::ScanJob FakeScanners::take() {
    auto job = receive();
    say_taken(job);
    return job;
}

void FakeScanners::say_taken(const messages::ScanJob& job) {
    must(send_message<messages::FromScanner>(job.reply.get(), messages::Taken{job.job}));
}

void FakeScanners::answer(messages::ScanJob job, messages::ScanOutcome outcome, const std::string& detail) {
    messages::ScanResult result;
    result.job = job.job;
    result.outcome = outcome;
    result.detail = detail;
    result.scan_ns = 1000;
    result.scanned = job.size;
    must(send_message<messages::FromScanner>(job.reply.get(), std::move(result)));
}

void FakeScanners::answer_incomplete(messages::ScanJob job, UnseenSet reasons, const std::string& labels,
                                     const std::string& ledger) {
    messages::ScanResult result{job.job, messages::ScanOutcome::incomplete, labels, 1000};
    result.unseen = reasons;
    result.scanned = job.size;
    result.ledger = ledger;
    must(send_message<messages::FromScanner>(job.reply.get(), std::move(result)));
}

void FakeScanners::answer_unseen(messages::ScanJob job, messages::ScanOutcome outcome, UnseenSet reasons) {
    messages::ScanResult result{job.job, outcome, {}, 1000};
    result.unseen = reasons;
    result.scanned = job.size;
    must(send_message<messages::FromScanner>(job.reply.get(), std::move(result)));
}

std::string FakeScanners::content(const messages::ScanJob& job) {
    std::string content(job.size, '\0');
    if (::pread(job.message.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()))
        throw std::runtime_error("message shorter than its job says");
    return content;
}

bool FakeScanners::job_waits() const {
    pollfd entry{queue_.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

void FakeScanners::wait_released() {
    wait_for(queue_.get(), POLLIN, "the queue's release");
    if (must(receive_message<messages::ToScanner>(queue_.get())).kind != ReceivedKind::end)
        throw std::runtime_error("a job came where the end was due");
}

SessionWorker::SessionWorker(const Change& change, const FailingNew* memory) : config_(config::defaults()) {
    start(change, memory, {});
    (void)expect<messages::SessionWorkerReady>();
}

SessionWorker::SessionWorker(const StartWith& with) : config_(config::defaults()) {
    start({}, nullptr, with);
}

void SessionWorker::start(const Change& change, const FailingNew* memory, const StartWith& with) {
    config_.message.spool_directory = folder_.path();
    config_.log.target = config::LogTarget::stderr_;
    config_.log.level = config::LogLevel::debug;
    config_.workers.sessions_per_worker = kSlots;
    if (change) change(config_);

    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    const std::string path = folder_.path() / "milter";
    path.copy(local.sun_path, sizeof local.sun_path - 1);
    unix_listener_ = listen_on(reinterpret_cast<const sockaddr*>(&local), sizeof local);
    unix_address_ = "unix:" + path;
    sockaddr_in inet{};
    inet.sin_family = AF_INET;
    inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inet_listener_ = listen_on(reinterpret_cast<const sockaddr*>(&inet), sizeof inet);
    socklen_t size = sizeof inet;
    check(::getsockname(inet_listener_.get(), reinterpret_cast<sockaddr*>(&inet), &size) == 0, "getsockname");
    inet_address_ = "inet:" + std::to_string(ntohs(inet.sin_port)) + "@127.0.0.1";

    board_.emplace(must(SessionBoard::create("test-board", kSlots)));
    auto ends = must(seqpacket_pair(Blocking::yes, Blocking::no));
    channel_ = Channel<messages::FromSession, messages::ToSession>(std::move(ends.first));
    const std::string log_path = folder_.path() / "log";
    const std::string program = std::string(EVERMILTER_BIN_DIRECTORY) + "/evermilter-session";
    pid_ = ::fork();
    check(pid_ >= 0, "fork");
    if (pid_ == 0) {
        const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        (void)::dup2(log, STDERR_FILENO);
        // dup2 onto itself would leave CLOEXEC set.
        const int channel = ::fcntl(ends.second.get(), F_DUPFD, 10);
        (void)::dup2(channel, kChildChannel);
        (void)::close(channel);
        if (memory != nullptr) memory->preload();
        if (!with.libraries.empty()) (void)::setenv("LD_LIBRARY_PATH", with.libraries.c_str(), 1);
        ::execl(program.c_str(), program.c_str(), nullptr);
        ::_exit(127);
    }
    ends.second.reset();
    (void)expect<messages::Hello>();
    memory_.emplace(must(MemoryBoard::create("test-memory", kMemorySlots)));
    memory_->header().given.store(kMemorySlots);
    send(messages::ConfigureSession{
        config::to_toml(config_), "test", must(board_->duplicate()), must(memory_->duplicate()), kMemorySlot, {}});
}

SessionWorker::~SessionWorker() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void SessionWorker::send(messages::ToSession message) {
    must(channel_.send(std::move(message)));
}

bool SessionWorker::receive_one(int timeout_ms) {
    pollfd entry{channel_.fd(), POLLIN, 0};
    if (::poll(&entry, 1, timeout_ms) <= 0) return false;
    auto received = must(channel_.receive());
    if (received.kind != ReceivedKind::message) throw std::runtime_error("the worker has ended: " + log());
    received_.push_back(std::move(received.message));
    return true;
}

bool SessionWorker::come(std::size_t index) {
    while (receive_one(0)) {
    }
    for (const auto& message : received_)
        if (message.index() == index) return true;
    return false;
}

messages::FromSession SessionWorker::expect_index(std::size_t index) {
    const Deadline deadline = patience();
    for (;;) {
        for (auto one = received_.begin(); one != received_.end(); ++one) {
            if (one->index() != index) continue;
            messages::FromSession message = std::move(*one);
            received_.erase(one);
            return message;
        }
        if (!receive_one(left(deadline))) throw NeverHappened("message " + std::to_string(index) + " from the worker");
    }
}

FakeScanners SessionWorker::generation(std::uint64_t id) {
    auto ends = must(seqpacket_pair(Blocking::yes, Blocking::yes));
    send(messages::TakeQueue{id, std::move(ends.first)});
    if (expect<messages::QueueTaken>().generation != id) throw std::runtime_error("another queue was taken");
    current_ = id;
    return FakeScanners(std::move(ends.second));
}

std::unique_ptr<MilterClient> SessionWorker::hand_over(bool inet) {
    auto client = std::make_unique<MilterClient>(inet ? inet_address_ : unix_address_);
    unique_fd connection(::accept4((inet ? inet_listener_ : unix_listener_).get(), nullptr, nullptr, SOCK_CLOEXEC));
    check(static_cast<bool>(connection), "accept");
    struct stat status {};
    check(::fstat(connection.get(), &status) == 0, "fstat");
    connection_ = status.st_ino;
    ++session_;
    const auto slot = static_cast<std::uint32_t>((session_ - 1) % kSlots);
    send(messages::HandOver{session_, slot, current_, ipv4_peer("192.0.2.1"), std::move(connection)});
    return client;
}

std::unique_ptr<MilterClient> SessionWorker::connect(Offer offer) {
    auto client = hand_over();
    client->negotiate(offer);
    return client;
}

void SessionWorker::wait_stage(std::uint64_t session, Stage stage) const {
    wait_until(std::string("stage ") + stage_name(stage) + " of session " + std::to_string(session), [&] {
        return slot(session).session.load() == session &&
               slot(session).stage.load() == static_cast<std::uint64_t>(stage);
    });
}

int SessionWorker::wait_end() {
    int status = 0;
    wait_until("the worker's end", [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string SessionWorker::log() const {
    return read_file(folder_.path() / "log");
}

} // namespace evermilter::test
