#include "workers/scanning/queue_worker.h"

#include <utility>

#include "workers/common/base/clock.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"

namespace evermilter::scanning {

QueueWorker::QueueWorker(Loop* loop, Outbox& outbox, std::chrono::milliseconds shutdown, Sessions sessions,
                         Handlers handlers)
    : outbox_(outbox),
      shutdown_(shutdown),
      sessions_(std::move(sessions)),
      handlers_(std::move(handlers)),
      queues_([&outbox](std::uint64_t generation) { outbox.send(messages::QueueReleased{generation}); }),
      deadline_(loop, [this] { on_deadline(); }) {}

void QueueWorker::handle(messages::TakeQueue take) {
    queues_.take(take.generation, std::move(take.queue));
    outbox_.send(messages::QueueTaken{take.generation});
}

void QueueWorker::handle(const messages::LetGo& let_go) {
    // If it was released before, the supervisor knows.
    static_cast<void>(queues_.let_go(let_go.generation));
}

void QueueWorker::handle(const messages::DrainSessions& drain) {
    draining_ = true;
    sessions_.drain();
    if (drain.refuse_mail) sessions_.refuse_mail();
    log::info("draining", {{"sessions", sessions_.count()}, {"refuse_mail", drain.refuse_mail ? "yes" : "no"}});
    if (drain.deadline_ns != 0) deadline_.start(std::chrono::nanoseconds(drain.deadline_ns - monotonic_ns()));
    end_if_drained();
}

void QueueWorker::handle(messages::NoGeneration none) {
    queues_.no_generation(std::move(none.reason));
}

void QueueWorker::handle(const messages::Ping& ping) {
    outbox_.send(messages::Pong{ping.serial});
}

void QueueWorker::handle(const messages::ReopenLog& /*reopen*/) {
    log::reopen();
}

void QueueWorker::handle(const messages::ShutdownTime& time) {
    shutdown_ = std::chrono::milliseconds(time.milliseconds);
}

void QueueWorker::supervisor_gone() {
    log::warning("supervisor-gone", {{"sessions", sessions_.count()}});
    gone_ = draining_ = true;
    sessions_.drain();
    sessions_.refuse_mail();
    deadline_.start(shutdown_);
    end_if_drained();
}

void QueueWorker::on_deadline() {
    if (std::exchange(closed_all_, true)) {
        log::error("sessions-abandoned", {{"sessions", sessions_.count()}, {"reason", "they do not end"}});
        return handlers_.abandon();
    }
    log::info("drain-deadline", {{"sessions", sessions_.count()}});
    sessions_.close_all();
    if (gone_) queues_.close("the supervisor has ended");
    deadline_.start(graces::kCallbacks);
    end_if_drained();
}

void QueueWorker::end_if_drained() {
    if (draining_ && sessions_.count() == 0) handlers_.drained();
}

} // namespace evermilter::scanning
