// Plays the supervisor and the session workers to a real evermilter-scanner: its channel, its queue, its board.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "tests/support/folder.h"
#include "tests/support/waiting.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/scan_job.h"
#include "workers/common/ipc/to_loader.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::test {

// "database", "state" and "tmp" in `folder`, made if they are missing; one scanner, short budgets.
[[nodiscard]] config::Config scanner_config(const Folder& folder);

// A memfd that holds `text`.
[[nodiscard]] unique_fd as_file(const std::string& text);

// One message on its way through the queue.
class Job {
  public:
    explicit Job(unique_fd reply) : reply_(std::move(reply)) {}
    // Waits for Taken; the scanner's pid as the kernel proves it. Nothing when the socket was closed before.
    [[nodiscard]] std::optional<pid_t> taken();
    // Waits for the result; nothing when the socket was closed before.
    [[nodiscard]] std::optional<messages::ScanResult> result();
    void abandon() { reply_.reset(); }

  private:
    [[nodiscard]] Received<messages::FromScanner> next();
    unique_fd reply_;
};

class LoaderProcess {
  public:
    LoaderProcess();
    LoaderProcess(const LoaderProcess&) = delete;
    LoaderProcess& operator=(const LoaderProcess&) = delete;
    ~LoaderProcess();

    void start_load(const config::Config& config, messages::StartLoad order = {}, std::uint32_t scanners = 1);
    void send(messages::ToLoader message);
    // The next message that is a T; others are kept in `seen`. Throws when the channel ends before.
    template <class T>
    T expect() {
        for (;;) {
            auto message = next();
            if (auto* found = std::get_if<T>(&message)) return std::move(*found);
            seen.push_back(std::move(message));
        }
    }
    [[nodiscard]] messages::FromLoader next();
    // Waits for the end of the process; its wait status.
    [[nodiscard]] int wait();

    Job submit(const std::string& mail, std::int64_t deadline_ns = 0, const MessageDigests& digests = {});
    [[nodiscard]] messages::ScanResult scan(const std::string& mail);
    void close_queue() { queue_.reset(); }
    void close_channel() { channel_.close(); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] ScannerBoard& board() { return *board_; }
    // The receiving end, which a test keeps to look whether the queue is empty.
    std::vector<messages::FromLoader> seen;

  private:
    pid_t pid_ = 0;
    Channel<messages::FromLoader, messages::ToLoader> channel_;
    unique_fd queue_;
    std::optional<ScannerBoard> board_;
    std::uint64_t jobs_ = 0;
};

} // namespace evermilter::test
