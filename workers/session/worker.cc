#include "workers/session/worker.h"

#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <thread>
#include <utility>
#include <variant>

#include "workers/common/base/log.h"
#include "workers/common/base/overloaded.h"
#include "workers/session/callbacks.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/libmilter/self_test.h"

namespace evermilter::session {
namespace {

using Clock = std::chrono::steady_clock;

std::string identity() {
    std::array<char, HOST_NAME_MAX + 1> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return "evermilter " EVERMILTER_VERSION;
    return std::string("evermilter " EVERMILTER_VERSION " at ") + host.data();
}

// How soon a change of a list of senders, or of the tap, is seen.
constexpr std::chrono::milliseconds kLookAtFiles{500};

// How long the tap's last copies may take when the worker ends.
constexpr std::chrono::seconds kLastCopies{2};

scanning::ScanSettings scan_settings(const config::Config& config) {
    scanning::ScanSettings settings;
    settings.queue_timeout = config.scanner.queue_timeout;
    settings.max_scan_time = config.scanner.max_scan_time;
    settings.retries = config.scanner.retries;
    return settings;
}

} // namespace

Worker::Worker(SupervisorChannel channel, config::Config config, ListenerPolicies policies, SessionBoard board,
               MemoryBoard memory, std::uint32_t memory_slot, std::optional<PoisonBoard> poison)
    : config_(std::move(config)),
      policies_(std::move(policies)),
      board_(std::move(board)),
      poison_(std::move(poison)),
      woken_(loop_.get(),
             [this] {
                 send_all();
                 set_timer();
             }),
      timer_(loop_.get(), [this] { on_timer(); }),
      link_(loop_.get(), std::move(channel),
            {[this](messages::ToSession message) { on_message(std::move(message)); },
             [this](const Error& error) { return on_unreadable(error); },
             [this](const Error* error) { on_channel_end(error); }, [this] { send_all(); }}),
      outbox_([this] { woken_.send(); }),
      memory_(config_.message.memory_budget, std::move(memory), memory_slot),
      store_{config_.message.max_size, config_.message.spool_directory},
      sessions_(config_.timeouts, board_, store_, memory_, outbox_, [this] { woken_.send(); }),
      queue_worker_(loop_.get(), outbox_, config_.timeouts.shutdown,
                    {[this] { return sessions_.size(); }, [this] { sessions_.drain(); },
                     [this] { sessions_.refuse_mail(); }, [this] { sessions_.close_all(); }},
                    {[this] { on_drained(); }, [] { ::_exit(EX_OK); }}),
      scanner_(queue_worker_.queues(), scan_settings(config_),
               {[this](messages::ScannerOverdue overdue) { outbox_.send(overdue); },
                [this](messages::Suspicion suspicion) { outbox_.send(suspicion); },
                [this](const MessageDigests& digests) { return poison_ && poison_->holds(digests, monotonic_ns()); }}),
      tap_(config_.tap, board_.header().counters),
      service_{config_,  policies_, board_,     sessions_,   queue_worker_.queues(),
               scanner_, outbox_,   identity(), detections_, tap_} {}

Result<void> Worker::prepare() {
    if (!loop_) return Error{0, "libev cannot make an event loop"};
    woken_.start();
    tap_.look();
    if (auto registered = register_callbacks(service_); !registered) return registered;
    return libmilter::install(sessions_, config_.timeouts.packet);
}

int Worker::refuse(int exit_code, const std::string& what) {
    log::error("worker-failed", {{"reason", what}});
    link_.send(messages::SessionWorkerFailed{exit_code, what});
    return exit_code;
}

void Worker::run() {
    link_.start();
    if (tap_.configured()) std::thread([this] { tap_.write_all(); }).detach();
    if (tap_.configured() || !policies_.senders().empty()) std::thread([this] { follow_files(); }).detach();
    std::thread([this] { test_library(); }).detach(); // meanwhile the supervisor's pings are answered
    ev_run(loop_.get(), 0);
    log::error("worker-failed", {{"reason", "the event loop has ended"}});
    ::_exit(EX_SOFTWARE);
}

// Reading a million lines takes a second: not in the loop's thread.
void Worker::follow_files() {
    for (;;) {
        std::this_thread::sleep_for(kLookAtFiles);
        try {
            for (const auto& list : policies_.senders()) list->refresh();
            tap_.look();
        } catch (const std::exception& error) {
            log::error("files-failed", {{"reason", error.what()}});
        }
    }
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

void Worker::on_message(messages::ToSession message) {
    std::visit(Overloaded{
                   [&](messages::HandOver& one) { hand_over(std::move(one)); },
                   [](messages::ConfigureSession&) {
                       log::error("message-misplaced", {{"message", "ConfigureSession"}});
                   },
                   [&](auto& one) { queue_worker_.handle(std::move(one)); },
               },
               message);
}

void Worker::hand_over(messages::HandOver hand_over) {
    auto session = sessions_.open(hand_over);
    if (!session) {
        log::error(
            "session-refused",
            {{"session", hand_over.session}, {"peer", to_text(hand_over.peer)}, {"reason", session.error().what}});
        return;
    }
    if (config_.reload.pin == config::Pin::session) (*session)->pin = queue_worker_.queues().pin(hand_over.generation);
    log::debug("session-begun", {{"session", hand_over.session}, {"peer", to_text(hand_over.peer)}});
    libmilter::offer(std::move(hand_over.connection), hand_over.session);
}

// A packet that was cut off may have been a session: only a new worker puts the count right.
bool Worker::on_unreadable(const Error& error) {
    log::error("channel-error", {{"reason", error.what}});
    outbox_.send(messages::SessionWorkerUnfit{error.what});
    return error.code == EBADMSG;
}

void Worker::on_channel_end(const Error* error) {
    if (error != nullptr) log::error("channel-error", {{"reason", error->what}});
    queue_worker_.supervisor_gone();
}

void Worker::send_all() {
    for (messages::FromSession& message : outbox_.take()) {
        if (!link_.open()) break;
        unusable_ = unusable_ || std::holds_alternative<messages::SessionWorkerFailed>(message);
        link_.send(std::move(message));
    }
    if (unusable_ && !link_.wants_write()) ::_exit(EX_CONFIG);
    queue_worker_.end_if_drained();
}

// What the last session has said, its queue's release included, goes out first.
void Worker::on_drained() {
    for (messages::FromSession& message : outbox_.take()) link_.send(std::move(message));
    if (link_.wants_write()) return;
    tap_.wait_written(steady_now() + kLastCopies);
    log::info("drained");
    ::_exit(EX_OK);
}

// ---------------------------------------------------------------- time

void Worker::set_timer() {
    const auto next = sessions_.arm();
    if (next)
        timer_.start(*next - Clock::now());
    else
        timer_.stop();
}

void Worker::on_timer() {
    sessions_.expire(Clock::now());
    set_timer();
}

} // namespace evermilter::session
