#include "workers/scanner/generation_server.h"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/base/pidfd.h"
#include "workers/common/shared/engine_lock.h"
#include "workers/common/shared/graces.h"
#include "workers/scanner/standby.h"

namespace evermilter::scanner {
namespace {} // namespace

void lock_again(int engine_lock, const config::Config& config, std::uint64_t generation) {
    if (auto locked = lock_engine_again(engine_lock, config.database.state_directory, generation); !locked)
        log::error("engine-not-locked", {{"generation", generation}, {"error", locked.error().what}});
}

GenerationServer::GenerationServer(Loop* loop, const EngineContext& estate, Handlers handlers)
    : estate_(estate),
      handlers_(std::move(handlers)),
      pool_(loop, estate.engine, estate.board, estate.queue, estate.poison, estate.config, estate.generation,
            ScannerPool::Handlers{[this](messages::FromLoader message) { handlers_.report(std::move(message)); },
                                  [this] { scanners_gone(); }}),
      queue_watch_(loop, [this](int) { queue_ended(); }),
      orphaned_timer_(loop, [this] { orphaned_too_long(); }),
      standby_watch_(loop, [this](int) { standby_ended(); }) {
    pool_.keep_in_scanners(estate_.engine_lock);
    if (estate_.of_one_user) pool_.let_scanners_raise_their_oom_score();
}

GenerationServer::~GenerationServer() {
    if (standby_ == 0) return;
    (void)::pidfd_send_signal(standby_pidfd_.get(), SIGKILL, nullptr, 0);
    (void)::waitpid(standby_, nullptr, 0);
}

Result<void> GenerationServer::start() {
    if (auto opened = open_queue_end(); !opened) return opened;
    return pool_.start();
}

Result<void> GenerationServer::take_over(const std::vector<std::int64_t>& pids) {
    if (auto opened = open_queue_end(); !opened) return opened;
    pool_.take_over(pids);
    return {};
}

bool GenerationServer::on_message(messages::ToLoader& message) {
    if (const auto* ping = std::get_if<messages::Ping>(&message))
        handlers_.report(messages::Pong{ping->serial});
    else if (std::holds_alternative<messages::ReopenLog>(message))
        log::reopen();
    else if (const auto* time = std::get_if<messages::ShutdownTime>(&message))
        estate_.shutdown = std::chrono::milliseconds(time->milliseconds);
    else if (std::holds_alternative<messages::LockEngine>(message))
        lock_again(estate_.engine_lock, estate_.config, estate_.generation);
    else if (const auto* overdue = std::get_if<messages::ScannerOverdue>(&message))
        pool_.kill_overdue(static_cast<pid_t>(overdue->scanner), overdue->job);
    else if (const auto* idle = std::get_if<messages::ReplaceScanner>(&message))
        pool_.kill_idle(static_cast<pid_t>(idle->scanner));
    else if (auto* standby = std::get_if<messages::StartStandby>(&message))
        start_standby(std::move(standby->channel));
    else
        return false;
    return true;
}

// ---------------------------------------------------------------- the end of the queue

// The end of the queue shows as a hang-up while jobs may still be in it. libev cannot wait for a hang-up alone, and
// to wait for reading would wake this process for each job; an epoll descriptor can.
Result<void> GenerationServer::open_queue_end() {
    queue_end_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!queue_end_) return system_error("epoll_create1");
    epoll_event event{};
    event.events = EPOLLRDHUP; // EPOLLHUP always comes with it
    if (::epoll_ctl(queue_end_.get(), EPOLL_CTL_ADD, estate_.queue, &event) != 0) return system_error("epoll_ctl");
    return {};
}

void GenerationServer::watch_queue_end() {
    queue_watch_.start(queue_end_.get(), EV_READ);
}

void GenerationServer::queue_ended() {
    orphaned_timer_.stop();
    queue_watch_.stop();
    pool_.retire();
}

void GenerationServer::supervisor_gone() {
    orphaned_timer_.start(estate_.shutdown + graces::kOrphans);
}

void GenerationServer::orphaned_too_long() {
    log::error("queue-still-held", {{"generation", estate_.generation}});
    queue_watch_.stop();
    pool_.retire();
}

// The standby goes last, for until now the loader's death would have been its turn. It holds nothing of its own.
void GenerationServer::scanners_gone() {
    ending_ = true;
    if (standby_ == 0) return handlers_.ended();
    (void)::pidfd_send_signal(standby_pidfd_.get(), SIGKILL, nullptr, 0);
}

// ---------------------------------------------------------------- the standby

void GenerationServer::start_standby(unique_fd channel) {
    const auto refuse = [this](const Error& error) {
        handlers_.report(messages::StandbyEnded{0, 0, ending_, error.what});
    };
    if (ending_) return refuse(Error{0, "the generation ends"});
    if (standby_ != 0 || !channel) return refuse(Error{0, "there is a standby already, or no channel for it"});
    const pid_t child = ::fork();
    if (child < 0) return refuse(system_error("cannot fork a standby"));
    if (child == 0) become_standby(std::move(channel), estate_);
    unique_fd pidfd(::pidfd_open(child, 0));
    if (!pidfd) {
        const Error error = system_error("pidfd_open");
        (void)::kill(child, SIGKILL); // ours and not reaped
        (void)::waitpid(child, nullptr, 0);
        return refuse(error);
    }
    standby_ = child;
    standby_pidfd_ = std::move(pidfd);
    standby_watch_.start(standby_pidfd_.get(), EV_READ);
    handlers_.report(messages::StandbyStarted{child});
}

void GenerationServer::standby_ended() {
    messages::StandbyEnded message;
    message.pid = standby_;
    message.expected = ending_;
    if (::waitpid(standby_, &message.wait_status, WNOHANG) == 0) return;
    standby_watch_.stop();
    standby_pidfd_.reset();
    standby_ = 0;
    if (!ending_) log::warning("standby-ended", {{"generation", estate_.generation}, {"standby", message.pid}});
    handlers_.report(std::move(message));
    if (ending_) handlers_.ended();
}

} // namespace evermilter::scanner
