#include "workers/session/worker.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <thread>
#include <utility>
#include <variant>

#include "workers/common/base/log.h"
#include "workers/common/base/overloaded.h"
#include "workers/common/shared/graces.h"
#include "workers/session/callbacks.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/libmilter/self_test.h"

namespace evermilter::session {
namespace {

using std::chrono::duration;
using Clock = std::chrono::steady_clock;

std::string identity() {
    std::array<char, HOST_NAME_MAX + 1> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return "evermilter " EVERMILTER_VERSION;
    return std::string("evermilter " EVERMILTER_VERSION " at ") + host.data();
}

scanning::ScanSettings scan_settings(const config::Config& config) {
    scanning::ScanSettings settings;
    settings.queue_timeout = config.scanner.queue_timeout;
    settings.max_scan_time = config.scanner.max_scan_time;
    settings.retries = config.scanner.retries;
    return settings;
}

} // namespace

Worker::Worker(SupervisorChannel channel, config::Config config, Policy policy, SessionBoard board, MemoryBoard memory,
               std::uint32_t memory_slot, std::optional<PoisonBoard> poison)
    : channel_(std::move(channel)),
      config_(std::move(config)),
      policy_(std::move(policy)),
      shutdown_(config_.timeouts.shutdown),
      board_(std::move(board)),
      poison_(std::move(poison)),
      loop_(ev_loop_new(EVFLAG_AUTO)),
      outbox_([this] { ev_async_send(loop_, &woken_); }),
      memory_(config_.message.memory_budget, std::move(memory), memory_slot),
      store_{config_.message.max_size, config_.message.spool_directory},
      sessions_(config_.timeouts, board_, store_, memory_, outbox_, [this] { ev_async_send(loop_, &woken_); }),
      queues_([this](std::uint64_t generation) { outbox_.send(messages::QueueReleased{generation}); }),
      scanner_(queues_, scan_settings(config_),
               {[this](messages::ScannerOverdue overdue) { outbox_.send(overdue); },
                [this](messages::Suspicion suspicion) { outbox_.send(suspicion); },
                [this](const MessageDigests& digests) { return poison_ && poison_->holds(digests, monotonic_ns()); }}),
      service_{config_, policy_, board_, sessions_, queues_, scanner_, outbox_, identity()} {}

Result<void> Worker::prepare() {
    if (loop_ == nullptr) return Error{0, "libev cannot make an event loop"};
    ev_async_init(&woken_, [](struct ev_loop*, ev_async* watcher, int) {
        auto* self = static_cast<Worker*>(watcher->data);
        self->send_all();
        self->set_timer();
    });
    woken_.data = this;
    ev_async_start(loop_, &woken_);
    if (auto registered = register_callbacks(service_); !registered) return registered;
    return seam::install(sessions_, config_.timeouts.packet);
}

int Worker::refuse(int exit_code, const std::string& what) {
    log::error("worker-failed", {{"reason", what}});
    (void)channel_.send(messages::SessionWorkerFailed{exit_code, what});
    return exit_code;
}

void Worker::run() {
    ev_io_init(
        &io_,
        [](struct ev_loop*, ev_io* watcher, int events) { static_cast<Worker*>(watcher->data)->on_channel(events); },
        channel_.fd(), EV_READ);
    ev_init(&timer_, [](struct ev_loop*, ev_timer* watcher, int) { static_cast<Worker*>(watcher->data)->on_timer(); });
    ev_init(&drain_timer_,
            [](struct ev_loop*, ev_timer* watcher, int) { static_cast<Worker*>(watcher->data)->on_drain_deadline(); });
    io_.data = timer_.data = drain_timer_.data = this;
    ev_io_start(loop_, &io_);
    std::thread([this] { test_library(); }).detach(); // meanwhile the supervisor's pings are answered
    ev_run(loop_, 0);
    log::error("worker-failed", {{"reason", "the event loop has ended"}});
    ::_exit(EX_SOFTWARE);
}

void Worker::test_library() {
    const auto works = self_test(service_);
    if (works) {
        outbox_.send(messages::SessionWorkerReady{});
        return;
    }
    log::error("worker-failed", {{"reason", works.error().what}});
    outbox_.send(messages::SessionWorkerFailed{EX_CONFIG, works.error().what});
}

// ---------------------------------------------------------------- the channel

void Worker::on_channel(int events) {
    if ((events & EV_WRITE) != 0) send_all();
    if ((events & EV_READ) == 0) return;
    // Bounded, so that the timer is never kept waiting.
    for (int i = 0; i < 64 && channel_.open(); ++i) {
        auto received = channel_.receive();
        if (!received) {
            log::error("channel-error", {{"reason", received.error().what}});
            // A packet that was cut off may have been a session: only a new worker puts the count right.
            outbox_.send(messages::SessionWorkerUnfit{received.error().what});
            if (received.error().code != EBADMSG) on_supervisor_gone();
            return;
        }
        switch (received->kind) {
            case ReceivedKind::would_block:
                return;
            case ReceivedKind::end:
                on_supervisor_gone();
                return;
            case ReceivedKind::message:
                on_message(std::move(received->message));
                break;
        }
    }
}

void Worker::on_message(messages::ToSession message) {
    std::visit(Overloaded{
                   [&](messages::HandOver& one) { handle(std::move(one)); },
                   [&](messages::TakeQueue& one) { handle(std::move(one)); },
                   [&](messages::LetGo& one) { handle(one); },
                   [&](messages::DrainSessions& one) { handle(one); },
                   [&](messages::NoGeneration& one) { handle(std::move(one)); },
                   [&](messages::Ping& one) { handle(one); },
                   [&](messages::ReopenLog&) { log::reopen(); },
                   [&](messages::ShutdownTime& one) { shutdown_ = std::chrono::milliseconds(one.milliseconds); },
                   [](messages::ConfigureSession&) {
                       log::error("message-misplaced", {{"message", "ConfigureSession"}});
                   },
               },
               message);
}

void Worker::handle(messages::HandOver hand_over) {
    auto session = sessions_.open(hand_over);
    if (!session) {
        log::error("session-refused",
                   {{"session", hand_over.session}, {"peer", hand_over.peer}, {"reason", session.error().what}});
        return;
    }
    if (config_.reload.pin == config::Pin::session) (*session)->pin = queues_.pin(hand_over.generation);
    log::debug("session-begun", {{"session", hand_over.session}, {"peer", hand_over.peer}});
    seam::offer(std::move(hand_over.connection), hand_over.session);
}

void Worker::handle(messages::TakeQueue take) {
    queues_.take(take.generation, std::move(take.queue));
    outbox_.send(messages::QueueTaken{take.generation});
}

void Worker::handle(const messages::LetGo& let_go) {
    // One that was released before has been told before.
    (void)queues_.let_go(let_go.generation);
}

void Worker::handle(const messages::DrainSessions& drain) {
    draining_ = true;
    sessions_.drain();
    if (drain.refuse_mail) sessions_.refuse_mail();
    log::info("draining", {{"sessions", sessions_.size()}, {"refuse_mail", drain.refuse_mail ? "yes" : "no"}});
    if (drain.deadline_ns != 0) set_drain_deadline(std::chrono::nanoseconds(drain.deadline_ns - monotonic_ns()));
    end_if_drained();
}

void Worker::handle(messages::NoGeneration none) {
    queues_.no_generation(std::move(none.reason));
}

void Worker::handle(const messages::Ping& ping) {
    outbox_.send(messages::Pong{ping.serial});
}

void Worker::on_supervisor_gone() {
    log::warning("supervisor-gone", {{"sessions", sessions_.size()}});
    ev_io_stop(loop_, &io_);
    channel_.close();
    draining_ = true;
    sessions_.drain();
    sessions_.refuse_mail();
    set_drain_deadline(shutdown_);
    end_if_drained();
}

void Worker::send_all() {
    for (messages::FromSession& message : outbox_.take()) {
        if (!channel_.open()) break;
        unusable_ = unusable_ || std::holds_alternative<messages::SessionWorkerFailed>(message);
        if (const auto sent = channel_.send(std::move(message)); !sent) {
            log::error("channel-error", {{"reason", sent.error().what}});
            on_supervisor_gone();
        }
    }
    if (channel_.open() && channel_.wants_write()) {
        if (const auto sent = channel_.flush(); !sent) on_supervisor_gone();
    }
    if (channel_.open()) {
        const int events = channel_.wants_write() ? EV_READ | EV_WRITE : EV_READ;
        if ((io_.events & (EV_READ | EV_WRITE)) != events) {
            ev_io_stop(loop_, &io_);
            ev_io_set(&io_, channel_.fd(), events);
            ev_io_start(loop_, &io_);
        }
    }
    if (unusable_ && !channel_.wants_write()) ::_exit(EX_CONFIG);
    end_if_drained();
}

// ---------------------------------------------------------------- time

void Worker::set_timer() {
    ev_timer_stop(loop_, &timer_);
    const auto next = sessions_.arm();
    if (!next) return;
    ev_now_update(loop_);
    ev_timer_set(&timer_, std::max(0.0, duration<double>(*next - Clock::now()).count()), 0.);
    ev_timer_start(loop_, &timer_);
}

void Worker::on_timer() {
    sessions_.expire(Clock::now());
    set_timer();
}

void Worker::set_drain_deadline(std::chrono::nanoseconds after) {
    ev_timer_stop(loop_, &drain_timer_);
    ev_now_update(loop_);
    ev_timer_set(&drain_timer_, std::max(0.0, duration<double>(after).count()), 0.);
    ev_timer_start(loop_, &drain_timer_);
}

void Worker::on_drain_deadline() {
    if (std::exchange(closed_all_, true)) {
        log::error("sessions-abandoned", {{"sessions", sessions_.size()}, {"reason", "they do not end"}});
        ::_exit(EX_OK);
    }
    log::info("drain-deadline", {{"sessions", sessions_.size()}});
    sessions_.close_all();
    if (!channel_.open()) queues_.close("the supervisor has ended");
    set_drain_deadline(graces::kCallbacks);
    end_if_drained();
}

void Worker::end_if_drained() {
    if (!draining_ || sessions_.size() > 0) return;
    // What the last session has told, its queue's release included, goes out first.
    if (channel_.open()) {
        for (messages::FromSession& message : outbox_.take())
            if (!channel_.send(std::move(message))) break;
        if (channel_.wants_write()) return;
    }
    log::info("drained");
    ::_exit(EX_OK);
}

} // namespace evermilter::session
