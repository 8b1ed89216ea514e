#include "workers/scanner/standby.h"

#include <sysexits.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "workers/common/base/descriptors.h"
#include "workers/common/base/log.h"
#include "workers/scanner/supervisor_link.h"

namespace evermilter::scanner {
namespace {

class Standby {
  public:
    Standby(unique_fd channel, const EngineContext& estate)
        : estate_(estate),
          link_(loop_.get(), PacketChannel(std::move(channel)),
                {[this](messages::ToLoader message) { on_message(std::move(message)); }, end_of_broken_link,
                 [this](const Error*) {
                     if (serving_)
                         serving_->supervisor_gone();
                     else
                         end();
                 }}) {}

    void run() {
        if (!loop_) ::_exit(EX_OSERR);
        link_.start();
        ev_run(loop_.get(), 0);
    }

  private:
    void on_message(messages::ToLoader message) {
        if (serving_ && serving_->on_message(message)) return;
        if (auto* order = std::get_if<messages::TakeOver>(&message); order != nullptr && !serving_)
            return take_over(*order);
        if (const auto* ping = std::get_if<messages::Ping>(&message)) return link_.send(messages::Pong{ping->serial});
        if (std::holds_alternative<messages::ReopenLog>(message)) return log::reopen();
        if (const auto* time = std::get_if<messages::ShutdownTime>(&message)) {
            estate_.shutdown = std::chrono::milliseconds(time->milliseconds);
            return;
        }
        // Until it serves the loader has done so; then it may have been too late for who was forked before.
        if (std::holds_alternative<messages::LockEngine>(message)) return;
        log::error("message-unexpected", {{"message", messages::message_name(message)}});
    }

    void take_over(messages::TakeOver& order) {
        log::open(messages::role_name(messages::Role::loader), estate_.config.log.target, estate_.config.log.level);
        lock_again(estate_.engine_lock, estate_.config, estate_.generation);
        serving_.emplace(
            loop_.get(), estate_,
            GenerationServer::Handlers{[this](messages::FromLoader message) { link_.send(std::move(message)); },
                                       [this] { end(); }});
        // Without it the generation would never end; when it is dead, the database is loaded again.
        if (auto taken = serving_->take_over(order.scanners); !taken) {
            log::error("standby-failed", {{"generation", estate_.generation}, {"error", taken.error().what}});
            ::_exit(EX_OSERR);
        }
        log::info("standby-took-over", {{"generation", estate_.generation}});
        serving_->start_standby(std::move(order.standby));
        serving_->watch_queue_end();
    }

    void end() {
        link_.finish();
        ev_break(loop_.get(), EVBREAK_ALL);
    }

    const LoopHandle loop_ = make_loop();
    EngineContext estate_;
    SupervisorLink link_;
    std::optional<GenerationServer> serving_;
};

} // namespace

void become_standby(unique_fd channel, const EngineContext& estate) noexcept {
    log::leave();
    if (!close_all_but({channel.get(), estate.queue, estate.snapshot_lock, estate.engine_lock})) ::_exit(EX_OSERR);
    log::open(messages::role_name(messages::Role::standby), estate.config.log.target, estate.config.log.level);
    Standby standby(std::move(channel), estate);
    standby.run();
    ::_exit(EX_OK);
}

} // namespace evermilter::scanner
