// Plays the supervisor and the scanners around one real evermilter-session, so that a test decides about every
// message and every order of events: when a queue is given, when a job is taken, when and how it is answered.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "tests/support/milter_client.h"
#include "tests/support/service.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/messages.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/common/shared/stage.h"

namespace evermilter::test {

// The receiving end of a generation's queue. One thread uses it.
class FakeScanners {
  public:
    explicit FakeScanners(unique_fd queue) : queue_(std::move(queue)) {}

    // The next job. Waits.
    [[nodiscard]] messages::ScanJob receive();
    // Receives and says Taken.
    [[nodiscard]] messages::ScanJob take();
    static void say_taken(const messages::ScanJob& job);
    static void answer(messages::ScanJob job, messages::ScanOutcome outcome, const std::string& detail = {});
    // The same, incomplete for these reasons.
    static void answer_incomplete(messages::ScanJob job, UnseenSet reasons, const std::string& labels,
                                  const std::string& ledger = {});
    // The same, whatever reasons with whatever outcome.
    static void answer_unseen(messages::ScanJob job, messages::ScanOutcome outcome, UnseenSet reasons);
    // The message as a scanner reads it.
    [[nodiscard]] static std::string content(const messages::ScanJob& job);
    [[nodiscard]] bool job_waits() const;
    // No worker holds the sending end any more. Waits.
    void wait_released();
    [[nodiscard]] int fd() const { return queue_.get(); }

  private:
    unique_fd queue_;
};

class FailingNew;

// A folder with the libmilter that the worker gets instead of the installed one.
struct StartWith {
    std::string libraries;
};

class SessionWorker {
  public:
    using Change = std::function<void(config::Config&)>;
    static constexpr std::size_t kSlots = 64;
    static constexpr std::size_t kMemorySlots = 4;
    static constexpr std::uint32_t kMemorySlot = 2; // this worker's; the others are the test's

    // Starts the worker and waits until it is ready. `memory` is the one that it gets, where it is to fail.
    explicit SessionWorker(const Change& change = {}, const FailingNew* memory = nullptr);
    // Starts it with another libmilter, and waits for nothing: it may not become ready.
    explicit SessionWorker(const StartWith& with);
    ~SessionWorker();
    SessionWorker(const SessionWorker&) = delete;
    SessionWorker& operator=(const SessionWorker&) = delete;

    void send(messages::Message message);
    // The next message of this type; others that come before are kept for their own turn. Waits.
    template <class T>
    [[nodiscard]] T expect() {
        return std::get<T>(expect_index(messages::Message(T{}).index()));
    }
    // Whether one has come so far.
    template <class T>
    [[nodiscard]] bool has_come() {
        return come(messages::Message(T{}).index());
    }

    // A new generation, given to the worker; waits for QueueTaken.
    [[nodiscard]] FakeScanners generation(std::uint64_t id);
    // A connection, handed over once its negotiation is sent; negotiated.
    [[nodiscard]] std::unique_ptr<MilterClient> connect(Offer offer = {});
    // The same, but nothing is sent: the test does. On TCP if `inet`.
    [[nodiscard]] std::unique_ptr<MilterClient> hand_over(bool inet = false);
    // Number of the session handed over last.
    [[nodiscard]] std::uint64_t last_session() const { return session_; }
    // Inode of its connection, as the worker has it.
    [[nodiscard]] ino_t last_connection() const { return connection_; }

    [[nodiscard]] const SessionSlot& slot(std::uint64_t session) const {
        return board_->slot(static_cast<std::size_t>((session - 1) % kSlots));
    }
    void wait_stage(std::uint64_t session, Stage stage) const;
    [[nodiscard]] const CounterBoard<kSessionWorker>& counters() const { return board_->header().counters; }
    [[nodiscard]] std::atomic<std::uint64_t>& memory(std::size_t slot) const { return memory_->slot(slot).bytes; }
    [[nodiscard]] std::uint64_t timed_out(Timeout timeout) const {
        return counters().get("sessions.timed_out_total", timeout);
    }
    [[nodiscard]] std::uint64_t timed_out(Stage stage) const { return timed_out(timeout_of(stage)); }

    void close_channel() { channel_.close(); }
    // Exit code, or 128 + signal.
    int wait_end();
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const config::Config& config() const { return config_; }
    // What it has logged so far.
    [[nodiscard]] std::string log() const;

  private:
    void start(const Change& change, const FailingNew* memory, const StartWith& with);
    [[nodiscard]] messages::Message expect_index(std::size_t index);
    [[nodiscard]] bool come(std::size_t index);
    [[nodiscard]] bool receive_one(int timeout_ms);

    Folder folder_;
    config::Config config_;
    std::optional<SessionBoard> board_;
    std::optional<MemoryBoard> memory_;
    Channel channel_;
    std::deque<messages::Message> received_;
    unique_fd unix_listener_;
    unique_fd inet_listener_;
    std::string unix_address_;
    std::string inet_address_;
    std::uint64_t session_ = 0;
    ino_t connection_ = 0;
    std::uint64_t current_ = 0;
    pid_t pid_ = -1;
};

} // namespace evermilter::test
