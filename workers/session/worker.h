// The session worker: its libev thread owns the channel to the supervisor and the one timer of all budgets, and
// does what the supervisor says; libmilter's threads do the sessions. It ends when it drains and its last session
// has ended: by _exit(2), because smfi_stop(3) would wait for, and abandon, what libmilter has.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/ipc/from_session.h"
#include "workers/common/ipc/loop_channel.h"
#include "workers/common/ipc/to_session.h"
#include "workers/common/shared/poison_board.h"
#include "workers/scanning/queue_worker.h"
#include "workers/session/service.h"

namespace evermilter::session {

using SupervisorChannel = Channel<messages::ToSession, messages::FromSession>;

class Worker {
  public:
    // `channel`: to the supervisor, non-blocking.
    Worker(SupervisorChannel channel, config::Config config, ListenerPolicies policies, SessionBoard board,
           MemoryBoard memory, std::uint32_t memory_slot, std::optional<PoisonBoard> poison);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() = delete; // libmilter's threads use it until the process ends

    // Registers with libmilter, and prepares what it calls (libmilter/interpose.h). To be called once, while there is
    // no other thread.
    [[nodiscard]] Result<void> prepare();
    // Tells the supervisor that prepare() failed; returns `exit_code`.
    int refuse(int exit_code, const std::string& what);
    // Tests what libmilter does (self_test.h), says that the worker is ready and does the supervisor's bidding; ends
    // the process. In a thread of its own, while another is in libmilter::run().
    [[noreturn]] void run();

  private:
    void on_message(messages::ToSession message);
    void hand_over(messages::HandOver hand_over);
    [[nodiscard]] bool on_unreadable(const Error& error);
    void on_channel_end(const Error* error);

    // In a thread of its own.
    void test_library();
    [[noreturn]] void follow_files();
    void on_timer();
    void send_all();
    void set_timer();
    void on_drained();

    const config::Config config_;
    const ListenerPolicies policies_;
    const SessionBoard board_;
    const std::optional<PoisonBoard> poison_;

    const LoopHandle loop_ = make_loop();
    AsyncWatcher woken_; // by the outbox, and by sessions whose budget has changed
    TimerWatcher timer_; // of all budgets
    LoopChannel<messages::ToSession, messages::FromSession> link_;
    bool unusable_ = false; // libmilter is, and the supervisor is told

    scanning::Outbox outbox_;
    scanning::MemoryBudget memory_;
    const scanning::StoreSettings store_;
    SessionBudgets sessions_;
    scanning::QueueWorker queue_worker_;
    scanning::ScanClient scanner_;
    OnceAMinute detections_;
    Tap tap_;
    Service service_;
};

} // namespace evermilter::session
