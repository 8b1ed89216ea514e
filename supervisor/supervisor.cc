#include "supervisor/supervisor.h"

#include <sysexits.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>
#include <variant>

#include "supervisor/front/socket_trial.h"
#include "supervisor/preflight.h"
#include "supervisor/start_check.h"
#include "supervisor/status/status_view.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/engine_lock.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

// How often to check that folders and sockets are still there.
constexpr std::chrono::seconds kLook{2};

} // namespace

Supervisor::Supervisor(Settings settings, ServiceManager manager, Started started)
    : settings_(std::move(settings)),
      manager_(std::move(manager)),
      started_(std::move(started)),
      loop_(ev_loop_new(EVFLAG_AUTO)),
      time_(loop_.get()),
      children_(loop_.get(), state_.next_child, processes_,
                {[this](pid_t pid, int wait_status) {
                     return helpers_.on_reaped(pid, wait_status) || folders_.on_reaped(pid, wait_status);
                 },
                 [this] { continue_stop(); }},
                monotonic_ns),
      helpers_(loop_.get(), children_),
      folders_(state_, settings_,
               {[this] { on_changed(); },
                [this] {
                    generations_.state_directory_made();
                    reloads_.state_directory_made();
                }}),
      child_processes_(children_),
      generations_(time_, state_, child_processes_, settings_,
                   {[this](const LoadOutcome& outcome) { reloads_.load_ended(outcome); }, [this] { reloads_.room(); },
                    [this](const Generation& lost) { reloads_.lost_loader(lost); }, [this] { on_changed(); },
                    [this](const std::string& how) { folders_.failed(FolderUse::temp, how); },
                    [this](std::uint64_t generation) { wipe_temp(generation); }}),
      decisions_writer_(loop_.get(), [this](const Result<void>& result) { reloads_.decisions_written(result); }),
      reloads_(time_, state_, generations_, settings_,
               {[this](const std::string& why) {
                    session_workers_.no_generation(why);
                    on_changed();
                },
                [this] { session_workers_.have_generation(); }, [this] { on_changed(); },
                [this] { return stored_snapshots(settings_.config.database.state_directory); },
                [this](const std::string& path, const std::string& text) {
                    decisions_writer_.write(path, settings_.identities.scanner, text);
                }}),
      splay_(time_, state_, settings_,
             [this](const ReloadRequest& request, ReloadCallback done) { reloads_.request(request, std::move(done)); }),
      session_workers_(
          loop_.get(), state_, children_, settings_,
          {[this](SessionWorker& worker) {
               generations_.give_to(worker);
               on_changed();
           },
           [this] {
               generations_.worker_gone();
               continue_stop();
           },
           [this](int exit_code, const std::string& error) { fail(exit_code, error); }, [this] { on_changed(); },
           [this](const Peer& peer, bool hung_up) { entrance_.turned_away(peer, hung_up); }},
          monotonic_ns),
      heartbeat_(loop_.get(), children_, settings_),
      leftover_engines_(time_, state_, settings_,
                        {[this] { return locked_engines(settings_.config.database.state_directory); },
                         [this] {
                             on_changed();
                             reloads_.room();
                         },
                         [this](std::uint64_t generation) { wipe_temp(generation); }}),
      notifications_(time_, state_, [this] { return heartbeat_.healthy(); }),
      poison_watch_(state_, settings_),
      infected_command_(state_, settings_,
                        [this](std::chrono::nanoseconds bound, const Helpers::Job& job, Helpers::Done done) {
                            helpers_.run("on_infected.command", bound, job, std::move(done));
                        }),
      summary_(
          time_, [this] { return total_counters(state_); }, log_summary),
      session_owner_(children_, state_, session_workers_, generations_, poison_watch_, infected_command_),
      loader_owner_(children_, state_, generations_),
      config_reload_(
          time_, settings_, state_, reloads_,
          {[this](std::function<void(Result<ReadConfig>)> done) {
               const std::string path = settings_.origin;
               helpers_.run(
                   "reading the configuration", graces::kReadConfig, [path] { return read_config_job(path); },
                   [path, done = std::move(done)](Result<std::string> result) {
                       done(result ? read_config_result(*result, path) : Result<ReadConfig>(result.error()));
                   });
           },
           [this](const std::vector<SocketGroup>& bound) { return entrance_.prepare(bound); },
           [this] { entrance_.abandon(); },
           [this](const Settings& taken, bool new_session_workers) { take_settings(taken, new_session_workers); }}),
      database_watch_(loop_.get(), {[this] {
                                        log::info("reload-asked", {{"by", "database.watch"}});
                                        splay_.ask({.kind = ReloadKind::automatic, .by = "database.watch"}, {});
                                    },
                                    [this](const std::string& trouble) { state_.watch_trouble = trouble; }}),
      entrance_(loop_.get(), *this),
      commands_(*this, entrance_),
      status_socket_(loop_.get(), commands_),
      look_timer_(loop_.get(), [this] { look_around(); }),
      terminate_(loop_.get(), SIGTERM, [this] { on_stop_signal(); }),
      interrupt_(loop_.get(), SIGINT, [this] { on_stop_signal(); }),
      hangup_(loop_.get(), SIGHUP, [this] { on_hangup(); }),
      reopen_logs_(loop_.get(), SIGUSR1,
                   [this] {
                       log::reopen();
                       children_.send_to_all(messages::ReopenLog{});
                       log::info("logs-reopened");
                   }),
      succeed_(loop_.get(), SIGUSR2,
               [] {
                   log::warning("signal-ignored", {{"signal", "SIGUSR2"}, {"reason", "not supported yet"}});
               }),
      stop_timer_(loop_.get(), [this] { stop_at_once(); }) {
    state_.started_ns = monotonic_ns();
    state_.started_at = std::time(nullptr);
}

Supervisor::~Supervisor() = default;

// ---------------------------------------------------------------- start

int Supervisor::run() {
    if (begin()) {
        ev_run(loop_.get(), 0);
        wipe_dead_scanner_folders(settings_);
    } else {
        log::error("cannot-start", {{"reason", fault_}});
    }
    status_socket_.close();
    entrance_.close();
    summary_.stop();
    log::info("stopped", {{"status", exit_code_}});
    return exit_code_;
}

// Nothing is started before everything that can be checked is right.
bool Supervisor::begin() {
    const auto refuse = [this](int exit_code, const std::string& reason) {
        exit_code_ = exit_code;
        fault_ = reason;
        return false;
    };
    StartReport report(StartMode::real);
    FolderLocks folders = prepare_start(processes_, settings_, report);
    if (report.ended()) return refuse(report.exit_code(), report.faults().front().text);
    entrance_.use_passed(manager_.sockets);
    status_socket_.use_passed(manager_.sockets);
    const auto on_trouble = [this](const std::string& what, const std::string& reason) {
        if (reason.empty())
            state_.troubles.erase(what);
        else
            state_.troubles[what] = reason;
        on_changed();
    };
    entrance_.on_trouble(on_trouble);
    status_socket_.on_trouble(on_trouble);
    if (auto bound = bind(ListenerSet::Missing::awaited); !bound)
        return refuse(exit_code_of_socket(bound.error().code), bound.error().what);
    if (const std::string unused = passed_beside(); !unused.empty()) {
        const StartFault fault = unnamed_socket(unused);
        return refuse(fault.exit_code, fault.text);
    }
    if (auto dropped = drop_privileges(); !dropped) return refuse(EX_OSERR, dropped.error().what);

    poison_watch_.apply();
    folders_.begin(std::move(folders));
    look_timer_.start(kLook, kLook);
    if (const std::string warning = one_user_warning(settings_.identities); !warning.empty())
        log::warning("one-user", {{"warning", warning}});
    log::info("starting", {{"version", EVERMILTER_VERSION}, {"config", settings_.origin}});
    session_workers_.adjust();
    look_around(); // a socket that is passed to us may have no path any more
    heartbeat_.start();
    generations_.begin();
    database_watch_.apply(settings_.config.database);
    leftover_engines_.look();
    notifications_.begin(manager_);
    summary_.apply(settings_.config.log.summary);
    reloads_.begin();
    return true;
}

// The first socket that was passed to us and that the configuration does not name, or "".
std::string Supervisor::passed_beside() const {
    std::vector<std::string> named = entrance_.keys();
    for (std::string& one : status_socket_.keys()) named.push_back(std::move(one));
    const auto others = manager_.sockets.beside(named);
    return others.empty() ? std::string() : others.front();
}

// The sockets of the settings in use; an Error leaves them as they were.
Result<void> Supervisor::bind(ListenerSet::Missing missing) {
    if (auto bound = entrance_.apply(missing); !bound) return bound;
    const config::Status& status = settings_.config.status;
    return status_socket_.apply(status.socket,
                                SocketAccess{static_cast<mode_t>(status.socket_mode), status.socket_group}, missing);
}

// ---------------------------------------------------------------- operations

bool Supervisor::hand_over(unique_fd connection, Peer peer) {
    return session_workers_.hand_over(std::move(connection), std::move(peer));
}

void Supervisor::request_reload(const ReloadRequest& request, ReloadCallback done) {
    if (request.kind == ReloadKind::automatic)
        splay_.ask(request, std::move(done));
    else
        reloads_.request(request, std::move(done));
}

void Supervisor::request_config_reload(ReloadCallback done) {
    look_around();
    config_reload_.request(false, std::move(done));
}

void Supervisor::take_settings(const Settings& settings, bool new_session_workers) {
    const config::Config before = std::exchange(settings_, settings).config;
    const config::Config& now = settings_.config;
    entrance_.commit();
    database_watch_.apply(now.database);
    poison_watch_.apply();
    summary_.apply(now.log.summary);
    generations_.look_now();
    reloads_.look_now();
    splay_.apply();
    if (now.process.ping_timeout != before.process.ping_timeout) heartbeat_.start();
    if (now.timeouts.shutdown != before.timeouts.shutdown)
        children_.send_to_all(messages::ShutdownTime{now.timeouts.shutdown.count()});
    if (new_session_workers) {
        ++state_.config_serial;
        session_workers_.replace_all();
    } else {
        session_workers_.adjust();
    }
}

// A scanner may have left a great many files.
void Supervisor::wipe_temp(std::uint64_t generation) {
    if (state_.service == ServiceState::stopping) return; // done at the end, when nobody is served any more
    const std::string folder = settings_.config.scanner.temp_directory;
    helpers_.run(
        "wiping " + folder, graces::kWipe, [folder, generation] { return wipe_scanner_folders(folder, generation); },
        [folder](const Result<std::string>& left) {
            if (left && !left->empty()) log::warning("temp-directory", {{"path", folder}, {"error", *left}});
        });
}

// Checks what others may have removed or replaced.
void Supervisor::look_around() {
    folders_.look();
    entrance_.look();
    status_socket_.look();
}

void Supervisor::on_hangup() {
    log::info("reload-asked", {{"by", "SIGHUP"}});
    look_around();
    config_reload_.request(true, {});
}

void Supervisor::on_changed() {
    update_service_state();
    notifications_.report();
}

void Supervisor::update_service_state() {
    if (state_.service == ServiceState::stopping) return;
    const ServiceState before = state_.service;
    // Signatures without a worker that serves sessions are no service; without signatures there is one that says so.
    const bool able =
        (state_.current_generation != 0 || !state_.no_signatures.empty()) && session_workers_.ever_ready();
    if (before == ServiceState::starting && !able) return;
    if (!reason_of(state_).empty())
        state_.service = ServiceState::degraded;
    else
        state_.service = generations_.loading() ? ServiceState::reloading : ServiceState::ready;
    if (state_.service == before) return;
    log::info("state", {{"state", name(state_.service)}, {"reason", reason_of(state_)}});
    if (before == ServiceState::starting && started_) std::exchange(started_, nullptr)(state_.no_signatures);
}

// ---------------------------------------------------------------- stop

void Supervisor::fail(int exit_code, const std::string& reason) {
    if (state_.service == ServiceState::stopping) return;
    fault_ = reason;
    log::error("cannot-serve", {{"reason", reason}});
    session_workers_.no_generation(reason);
    stop(exit_code);
}

void Supervisor::on_stop_signal() {
    if (state_.service == ServiceState::stopping)
        stop_at_once();
    else
        stop(EX_OK);
}

// Listeners are closed at once; session workers finish what was begun, within timeouts.shutdown; then the
// generations end, whose scanners nobody needs any more.
void Supervisor::stop(int exit_code) {
    state_.service = ServiceState::stopping;
    exit_code_ = exit_code;
    log::info("stopping");
    entrance_.close();
    database_watch_.stop();
    leftover_engines_.stop();
    look_timer_.stop();
    folders_.stop();
    infected_command_.stop();
    helpers_.stop();
    splay_.stop();
    reloads_.stop();
    const std::chrono::nanoseconds bound = settings_.config.timeouts.shutdown;
    session_workers_.stop(true, monotonic_ns() + bound.count());
    // Anything still running by then is killed.
    stop_timer_.start(bound + graces::kStop);
    notifications_.report_stopping(bound + 2 * graces::kStop, fault_);
    continue_stop();
}

void Supervisor::stop_at_once() {
    log::warning("stopping-at-once");
    for (SessionWorker& worker : state_.session_workers) children_.kill(worker.child, "the service stops at once");
    generations_.kill("the service stops at once");
    stop_timer_.start(std::chrono::seconds(1));
}

void Supervisor::continue_stop() {
    if (state_.service != ServiceState::stopping) return;
    if (!state_.session_workers.empty()) return;
    generations_.stop();
    const bool living = std::any_of(state_.generations.begin(), state_.generations.end(), has_process);
    if (!living && !children_.any()) ev_break(loop_.get(), EVBREAK_ALL);
}

} // namespace evermilter::supervisor
