// What a worker of any front end does at the supervisor's word: takes queues of generations and lets them go, answers
// pings, drains. Its sessions are its own. Of the loop's thread; what it answers goes to the outbox.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "workers/common/base/event_loop.h"
#include "workers/common/ipc/to_session.h"
#include "workers/scanning/generation_queue.h"
#include "workers/scanning/outbox.h"

namespace evermilter::scanning {

class QueueWorker {
  public:
    struct Sessions {
        std::function<std::size_t()> count;
        std::function<void()> drain;       // no further ones come
        std::function<void()> refuse_mail; // the next MAIL of each gets 421
        std::function<void()> close_all;
    };
    struct Handlers {
        // It drains and has no session left. Called again whenever end_if_drained() finds it so.
        std::function<void()> drained;
        // Sessions do not end although they were closed: the process ends without them.
        std::function<void()> abandon;
    };

    // `outbox` outlives this. `shutdown` is timeouts.shutdown, until a ShutdownTime comes.
    QueueWorker(Loop* loop, Outbox& outbox, std::chrono::milliseconds shutdown, Sessions sessions, Handlers handlers);

    [[nodiscard]] GenerationQueues& queues() noexcept { return queues_; }

    void handle(messages::TakeQueue take);
    void handle(const messages::LetGo& let_go);
    void handle(const messages::DrainSessions& drain);
    void handle(messages::NoGeneration none);
    void handle(const messages::Ping& ping);
    void handle(const messages::ReopenLog& reopen);
    void handle(const messages::ShutdownTime& time);

    // No message will come any more: drains, within timeouts.shutdown.
    void supervisor_gone();
    // To be called when a session has ended.
    void end_if_drained();

  private:
    void on_deadline();

    Outbox& outbox_;
    std::chrono::milliseconds shutdown_;
    const Sessions sessions_;
    const Handlers handlers_;
    GenerationQueues queues_;
    bool draining_ = false;
    bool closed_all_ = false; // the drain's deadline is over
    bool gone_ = false;       // the supervisor is
    TimerWatcher deadline_;
};

} // namespace evermilter::scanning
