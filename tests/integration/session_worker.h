// Plays the supervisor and the scanners for one real evermilter-session, so that a test decides about every message and
// every order of events: when a queue is given, when a job is taken, when and how it is answered.
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
#include "workers/common/ipc/from_session.h"
#include "workers/common/ipc/scan_job.h"
#include "workers/common/ipc/to_session.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/common/shared/stage.h"

namespace evermilter::test {

// The receiving end of a generation's queue. Only one thread may use it.
class FakeScanners {
  public:
    explicit FakeScanners(unique_fd queue) : queue_(std::move(queue)) {}

    // Waits for the next job.
    [[nodiscard]] messages::ScanJob receive();
    // Receives and says Taken.
    [[nodiscard]] messages::ScanJob take();
    static void say_taken(const messages::ScanJob& job);
    static void answer(messages::ScanJob job, messages::ScanOutcome outcome, const std::string& detail = {});
    // The same, but incomplete for these reasons.
    static void answer_incomplete(messages::ScanJob job, UnseenSet reasons, const std::string& labels,
                                  const std::string& ledger = {});
    // The same, with any reasons and any outcome.
    static void answer_unseen(messages::ScanJob job, messages::ScanOutcome outcome, UnseenSet reasons);
    // The message as a scanner reads it.
    [[nodiscard]] static std::string content(const messages::ScanJob& job);
    [[nodiscard]] bool job_waits() const;
    // Waits until no worker holds the sending end any more.
    void wait_released();
    [[nodiscard]] int fd() const { return queue_.get(); }

  private:
    unique_fd queue_;
};

class FailingNew;

// A folder with the libmilter that the worker loads instead of the installed one.
struct StartWith {
    std::string libraries;
};

class SessionWorker {
  public:
    using Change = std::function<void(config::Config&)>;
    static constexpr std::size_t kSlots = 64;
    static constexpr std::size_t kMemorySlots = 4;
    static constexpr std::uint32_t kMemorySlot = 2; // this worker's; the others are the test's

    // Starts the worker and waits until it is ready. `memory`, if set, makes the worker's allocations fail.
    explicit SessionWorker(const Change& change = {}, const FailingNew* memory = nullptr);
    // Starts it with another libmilter, without waiting: it may not become ready.
    explicit SessionWorker(const StartWith& with);
    ~SessionWorker();
    SessionWorker(const SessionWorker&) = delete;
    SessionWorker& operator=(const SessionWorker&) = delete;

    void send(messages::ToSession message);
    // The next message of this type; others that come before are kept for their own turn. Waits.
    template <class T>
    [[nodiscard]] T expect() {
        return std::get<T>(expect_index(messages::FromSession(T{}).index()));
    }
    // Whether a message of this type has come so far.
    template <class T>
    [[nodiscard]] bool has_come() {
        return come(messages::FromSession(T{}).index());
    }

    // Gives a new generation to the worker; waits for QueueTaken.
    [[nodiscard]] FakeScanners generation(std::uint64_t id);
    // A connection that is handed over once its negotiation is sent, and then negotiated.
    [[nodiscard]] std::unique_ptr<MilterClient> connect(Offer offer = {});
    // The same, but nothing is sent: the test does that. On TCP if `inet`.
    [[nodiscard]] std::unique_ptr<MilterClient> hand_over(bool inet = false);
    // The number of the session that was handed over last.
    [[nodiscard]] std::uint64_t last_session() const { return session_; }
    // The inode of its connection, as the worker has it.
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
    // The worker's log so far.
    [[nodiscard]] std::string log() const;

  private:
    void start(const Change& change, const FailingNew* memory, const StartWith& with);
    [[nodiscard]] messages::FromSession expect_index(std::size_t index);
    [[nodiscard]] bool come(std::size_t index);
    [[nodiscard]] bool receive_one(int timeout_ms);

    Folder folder_;
    config::Config config_;
    std::optional<SessionBoard> board_;
    std::optional<MemoryBoard> memory_;
    Channel<messages::FromSession, messages::ToSession> channel_;
    std::deque<messages::FromSession> received_;
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
