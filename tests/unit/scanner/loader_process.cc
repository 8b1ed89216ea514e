#include "tests/unit/scanner/loader_process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "config/parse.h"

namespace evermilter::test {

namespace {

template <class T>
T need(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().what);
    return std::move(result).value();
}

} // namespace

config::Config scanner_config(const Folder& folder) {
    config::Config config = config::defaults();
    for (const char* name : {"database", "state", "tmp"}) std::filesystem::create_directories(folder / name);
    config.database.directory = folder / "database";
    config.database.state_directory = folder / "state";
    config.scanner.temp_directory = folder / "tmp";
    config.log.target = config::LogTarget::stderr_;
    config.log.level = config::LogLevel::error;
    return config;
}

unique_fd as_file(const std::string& text) {
    unique_fd file(::memfd_create("evermilter-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error("memfd");
    return file;
}

Received<messages::FromScanner> Job::next() {
    wait_for(reply_.get(), POLLIN, "an answer of the scanner");
    return need(receive_message<messages::FromScanner>(reply_.get()));
}

std::optional<pid_t> Job::taken() {
    const auto received = next();
    if (received.kind != ReceivedKind::message) return std::nullopt;
    if (!std::holds_alternative<messages::Taken>(received.message)) throw std::runtime_error("no Taken");
    return received.sender;
}

std::optional<messages::ScanResult> Job::result() {
    auto received = next();
    if (received.kind != ReceivedKind::message) return std::nullopt;
    if (std::holds_alternative<messages::Taken>(received.message)) received = next();
    if (received.kind != ReceivedKind::message) return std::nullopt;
    return std::get<messages::ScanResult>(received.message);
}

LoaderProcess::LoaderProcess() {
    auto [ours, theirs] = need(seqpacket_pair(Blocking::no, Blocking::no));
    const std::string program = std::string(EVERMILTER_BIN_DIRECTORY) + "/evermilter-scanner";
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
        // As the supervisor does: the channel is descriptor 3, everything else is closed.
        const int channel = ::fcntl(theirs.get(), F_DUPFD, 10);
        ::dup2(channel, 3);
        ::close_range(4, ~0U, 0);
        ::execl(program.c_str(), program.c_str(), nullptr);
        ::_exit(127);
    }
    channel_ = Channel<messages::FromLoader, messages::ToLoader>(std::move(ours));
    (void)expect<messages::Hello>();
}

LoaderProcess::~LoaderProcess() {
    channel_.close();
    queue_.reset();
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL); // ours and not reaped
    ::waitpid(pid_, nullptr, 0);
}

void LoaderProcess::start_load(const config::Config& config, messages::StartLoad order, std::uint32_t scanners) {
    auto [sending, receiving] = need(seqpacket_pair(Blocking::yes, Blocking::no));
    queue_ = std::move(sending);
    board_.emplace(need(ScannerBoard::create("evermilter-board", scanners)));
    if (order.generation == 0) order.generation = 1;
    order.config = config::to_toml(config);
    order.origin = "test";
    order.scanners = scanners;
    order.queue = std::move(receiving);
    order.board = need(board_->duplicate());
    send(std::move(order));
}

void LoaderProcess::send(messages::ToLoader message) {
    if (auto sent = channel_.send(std::move(message)); !sent) throw std::runtime_error(sent.error().what);
}

messages::FromLoader LoaderProcess::next() {
    wait_for(channel_.fd(), POLLIN, "a message of the loader");
    auto received = need(channel_.receive());
    if (received.kind != ReceivedKind::message) throw NeverHappened("the loader closed its channel");
    return std::move(received.message);
}

int LoaderProcess::wait() {
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) throw std::runtime_error("waitpid");
    pid_ = 0;
    return status;
}

Job LoaderProcess::submit(const std::string& mail, std::int64_t deadline_ns, const MessageDigests& digests) {
    auto [ours, theirs] = need(seqpacket_pair(Blocking::yes, Blocking::yes));
    const int on = 1;
    ::setsockopt(ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    messages::ScanJob job;
    job.job = ++jobs_;
    job.deadline_ns = deadline_ns != 0 ? deadline_ns : monotonic_ns() + 60'000'000'000LL;
    job.size = mail.size();
    job.digests = digests;
    job.message = as_file(mail);
    job.reply = std::move(theirs);
    if (auto sent = send_message<messages::ToScanner>(queue_.get(), std::move(job)); !sent)
        throw std::runtime_error(sent.error().what);
    return Job(std::move(ours));
}

messages::ScanResult LoaderProcess::scan(const std::string& mail) {
    auto result = submit(mail).result();
    if (!result) throw NeverHappened("the scan had no result");
    return *result;
}

} // namespace evermilter::test
