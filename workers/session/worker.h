// The session worker: its libev thread owns the channel to the supervisor and the one timer of all budgets, and
// does what the supervisor says; libmilter's threads do the sessions. It ends when it drains and its last session
// has ended: by _exit(2), because smfi_stop(3) would wait for, and abandon, what libmilter has.
#pragma once

#include <ev.h>

#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "workers/common/base/result.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/messages.h"
#include "workers/common/shared/poison_board.h"
#include "workers/session/service.h"

namespace evermilter::session {

class Worker {
  public:
    // `channel`: to the supervisor, non-blocking.
    Worker(Channel channel, config::Config config, Policy policy, SessionBoard board, MemoryBoard memory,
           std::uint32_t memory_slot, std::optional<PoisonBoard> poison);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() = delete; // libmilter's threads use it until the process ends

    // Registers with libmilter, makes the seam. To be called once, while there is no other thread.
    [[nodiscard]] Result<void> prepare();
    // Tells the supervisor that prepare() failed; returns `exit_code`.
    int refuse(int exit_code, const std::string& what);
    // Tests what libmilter does (self_test.h), says that the worker is ready and does the supervisor's bidding; ends
    // the process. In a thread of its own, while another is in seam::run().
    [[noreturn]] void run();

  private:
    using Time = StageClock::Time;

    // What the supervisor says.
    void on_message(messages::Message message);
    void handle(messages::HandOver hand_over);
    void handle(messages::TakeQueue take);
    void handle(const messages::LetGo& let_go);
    void handle(const messages::DrainSessions& drain);
    void handle(messages::NoGeneration none);
    void handle(const messages::Ping& ping);

    // In a thread of its own.
    void test_library();
    void on_channel(int events);
    void on_supervisor_gone();
    void on_timer();
    void on_drain_deadline();
    void send_all();
    void set_timer();
    void set_drain_deadline(std::chrono::nanoseconds after);
    void end_if_drained();

    Channel channel_;
    const config::Config config_;
    const Policy policy_;
    const SessionBoard board_;
    const std::optional<PoisonBoard> poison_;

    struct ev_loop* const loop_;
    ev_io io_{};
    ev_async woken_{};
    ev_timer timer_{};
    ev_timer drain_timer_{};
    bool unusable_ = false; // libmilter is, and the supervisor is told
    bool draining_ = false;
    bool closed_all_ = false; // the drain's deadline is over

    scanning::Outbox outbox_;
    scanning::MemoryBudget memory_;
    const scanning::StoreSettings store_;
    SessionBudgets sessions_;
    scanning::GenerationQueues queues_;
    scanning::ScanClient scanner_;
    Service service_;
};

} // namespace evermilter::session
