#include "supervisor/generations/generations.h"

#include <fcntl.h>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "supervisor/children/children.h"
#include "supervisor/generations/start_load.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

// What the loader gets beyond its scanners to end, once its queue is not held any more.
constexpr Moment kLoaderGrace = 1s;
// How often to check whether scanners serve.
constexpr Moment kLook = 1s;

bool ready_or_draining(const SessionWorker& worker) {
    return worker.child.state == ChildState::ready || worker.child.state == ChildState::draining;
}

// Reasons of the loader that time can heal: no room, no memory, no time, no right to read. Others are the database's.
bool may_pass(int exit_code) {
    return exit_code == EX_OSERR || exit_code == EX_CANTCREAT || exit_code == EX_TEMPFAIL || exit_code == EX_NOPERM;
}

} // namespace

Generations::Generations(TimeSource& time, State& state, GenerationProcesses& processes, const Settings& settings,
                         Handlers handlers)
    : time_(time),
      state_(state),
      processes_(processes),
      settings_(settings),
      handlers_(std::move(handlers)),
      standbys_(time, state, processes, [this] { handlers_.changed(); }),
      scanners_(time, state, processes, settings,
                {[this] { handlers_.changed(); }, [this](const std::string& how) { handlers_.temp_failed(how); }}),
      timer_(time.timer([this] { tick(); })),
      look_timer_(time.timer([this] { scanners_.look(); })) {}

void Generations::begin() {
    look_timer_->start(kLook, kLook);
}

// ---------------------------------------------------------------- loading

Result<void> Generations::start_load(const LoadPlan& plan) {
    const Settings& settings = plan.settings ? *plan.settings : settings_;
    const std::uint64_t id = ids_.next(settings_.config.database.state_directory);
    auto queue = seqpacket_pair(Blocking::no, Blocking::no);
    if (!queue) return std::move(queue).error();
    auto board = ScannerBoard::create("scanner-board", settings.scanners);
    if (!board) return std::move(board).error();
    auto shared = board->duplicate();
    if (!shared) return std::move(shared).error();
    auto poison = state_.poison.share();
    if (!poison) return std::move(poison).error();
    unique_fd queue_end(::fcntl(queue->second.get(), F_DUPFD_CLOEXEC, 0));
    if (!queue_end) return system_error("the receiving end of a queue");

    const Moment now = time_.now();
    StartOfLoad start = start_of_load(plan, id, settings, state_, now);
    messages::StartLoad& message = start.message;
    message.queue = std::move(queue->second);
    message.board = std::move(*shared);
    message.poison = std::move(*poison);

    Generation& generation = state_.generations.emplace_back();
    auto started = processes_.start_loader(generation.loader, settings.identities);
    if (!started) {
        state_.generations.pop_back();
        return started;
    }
    ids_.used(id);
    generation.id = id;
    generation.queue = std::move(queue->first);
    generation.queue_end = std::move(queue_end);
    generation.board.emplace(std::move(*board));
    generation.load_started = now;
    generation.load_timeout = settings.config.reload.load_timeout;
    generation.end_by = now + generation.load_timeout;
    generation.low_priority = message.low_priority;
    generation.signatures_before = start.signatures_before;
    generation.may_await_room = message.await_room;
    generation.may_be_unchanged = !message.active_digest.empty() && !message.force;
    message.standby = standbys_.channel(generation);
    processes_.send_to_loader(generation.loader, std::move(message));
    log::info("load-started", {{"generation", generation.id}, {"loader", generation.loader.pid}});
    schedule();
    handlers_.changed();
    return {};
}

bool Generations::loading() const {
    return std::any_of(state_.generations.begin(), state_.generations.end(),
                       [](const Generation& one) { return one.state == GenerationState::loading; });
}

bool Generations::may_load() const {
    return state_.waits_for.empty() &&
           std::count_if(state_.generations.begin(), state_.generations.end(), has_process) < 2;
}

void Generations::on_progress(Generation& generation, const messages::LoadProgress& progress) const {
    generation.step = progress.step.substr(0, 64);
    log::debug("load-progress", {{"generation", generation.id}, {"step", generation.step}});
    handlers_.changed();
}

// The generation that serves ends now, and the load begins when it is reaped. Until the new one is active, ends of
// messages wait.
void Generations::on_awaits_room(Generation& generation) {
    if (generation.state != GenerationState::loading || generation.loaded) return;
    if (!std::exchange(generation.may_await_room, false)) {
        processes_.kill(generation.loader, "it waits for room, which it was not asked to do");
        return;
    }
    generation.may_be_unchanged = false; // the generation that serves ends for it
    generation.awaits_room = true;
    generation.end_by.reset(); // what drains has its own bound
    if (Generation* active = state_.active_generation()) {
        state_.current_generation = 0;
        retire(*active, GenerationEvent::superseded);
    }
    retire_draining();
    give_room();
}

void Generations::give_room() {
    if (std::count_if(state_.generations.begin(), state_.generations.end(), has_process) != 1) return;
    for (Generation& generation : state_.generations) {
        if (!has_process(generation) || !generation.awaits_room) continue;
        generation.awaits_room = false;
        generation.end_by = time_.now() + generation.load_timeout;
        processes_.send_to_loader(generation.loader, messages::RoomToLoad{});
        schedule();
    }
}

void Generations::on_ready(Generation& generation, messages::LoaderReady&& ready) {
    if (generation.state != GenerationState::loading || generation.loaded) {
        if (generation.state != GenerationState::failed) processes_.kill(generation.loader, "it was ready already");
        return;
    }
    take_ready(generation, std::move(ready), time_.unix_time());
    generation.may_be_unchanged = false;
    generation.end_by.reset();
    generation.standby_history.policy.proven();
    if (!processes_.became_ready(generation.loader)) return;
    for (SessionWorker& worker : state_.session_workers)
        if (ready_or_draining(worker)) send_queue(worker, generation);
    activate_if_taken();
}

void Generations::on_unchanged(Generation& generation) {
    if (generation.state != GenerationState::loading) return;
    if (!generation.may_be_unchanged) {
        processes_.kill(generation.loader, "it says that nothing has changed, which it was not asked");
        return;
    }
    log::info("load-unchanged", {{"generation", generation.id}, {"current", state_.current_generation}});
    end_unneeded(generation, LoadOutcome::How::unchanged);
}

void Generations::on_starved(Generation& generation) {
    if (generation.state != GenerationState::loading || generation.loaded) return;
    if (!generation.low_priority) {
        refuse(generation, EX_SOFTWARE, "the loader says that it gave way to others, which it was not to do");
        return;
    }
    log::info("load-starved", {{"generation", generation.id}, {"remedy", "begun again at the scanners' priority"}});
    end_unneeded(generation, LoadOutcome::How::starved);
}

// The loader ends on its own; that is no failure, and leaves no record (sweep).
void Generations::end_unneeded(Generation& generation, LoadOutcome::How how) {
    if (!apply(generation, GenerationEvent::refused)) return;
    generation.queue.reset();
    generation.end_by = time_.now() + graces::kLoaderEnd;
    schedule();
    handlers_.load_ended(LoadOutcome{.how = how, .generation = state_.current_generation});
}

void Generations::on_failed(Generation& generation, const messages::LoadFailed& failed) {
    refuse(generation, failed.exit_code == 0 ? EX_SOFTWARE : failed.exit_code,
           failed.error.empty() ? "the loader gave no reason" : failed.error,
           LoadOutcome{.digest = failed.digest.substr(0, 64), .vanished = failed.vanished});
}

// A load that came to nothing changes nothing that runs.
void Generations::refuse(Generation& generation, int exit_code, const std::string& error, LoadOutcome outcome) {
    if (generation.state != GenerationState::loading || !apply(generation, GenerationEvent::refused)) return;
    generation.error = error;
    generation.queue.reset();
    generation.end_by = time_.now() + graces::kLoaderEnd;
    ask_back(generation.id);
    log::error("load-refused", {{"generation", generation.id}, {"reason", error}});
    outcome.how = LoadOutcome::How::refused;
    outcome.generation = state_.current_generation;
    outcome.exit_code = exit_code;
    outcome.error = error;
    outcome.may_pass = may_pass(exit_code) || generation.loader.pid == 0; // it died
    schedule();
    handlers_.load_ended(outcome);
}

// ---------------------------------------------------------------- the queues

void Generations::send_queue(SessionWorker& worker, Generation& generation) {
    unique_fd copy(::fcntl(generation.queue.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        // Without the queue it would answer errors for ever; a new worker gets one.
        processes_.kill(worker.child, system_error("cannot give it the queue").what);
        return;
    }
    state_.queue_holders.given(worker.child.id, generation.id, time_.now());
    processes_.send_to_session(worker.child, messages::TakeQueue{generation.id, std::move(copy)});
    schedule();
}

void Generations::ask_back(std::uint64_t generation) {
    for (const QueueHolders::WorkerId id : state_.queue_holders.holders(generation)) {
        SessionWorker* worker = state_.find_session_worker(id);
        if (worker == nullptr) continue;
        state_.queue_holders.asked_back(id, generation, time_.now());
        processes_.send_to_session(worker->child, messages::LetGo{generation});
    }
}

void Generations::give_to(SessionWorker& worker) {
    for (Generation& generation : state_.generations) {
        const bool being_given = generation.state == GenerationState::loading && generation.loaded;
        if (generation.state == GenerationState::active || being_given) send_queue(worker, generation);
    }
}

void Generations::worker_gone() {
    std::set<QueueHolders::WorkerId> living;
    for (const SessionWorker& worker : state_.session_workers) living.insert(worker.child.id);
    state_.queue_holders.keep_only(living);
    activate_if_taken();
    tick();
}

void Generations::on_taken(SessionWorker& worker, const messages::QueueTaken& taken) {
    if (!state_.queue_holders.taken(worker.child.id, taken.generation, time_.now())) {
        processes_.kill(worker.child, "it took a queue that it was not given");
        return;
    }
    activate_if_taken();
}

void Generations::on_released(SessionWorker& worker, const messages::QueueReleased& released) {
    if (!state_.queue_holders.released(worker.child.id, released.generation, time_.now())) {
        processes_.kill(worker.child, "it released a queue that it does not hold");
        return;
    }
    tick();
}

// ---------------------------------------------------------------- the switch

void Generations::activate_if_taken() {
    for (Generation& generation : state_.generations) {
        if (generation.state != GenerationState::loading || !generation.loaded) continue;
        if (state_.queue_holders.is_awaited(generation.id) || !apply(generation, GenerationEvent::activated)) return;

        Generation* previous = state_.active_generation();
        state_.current_generation = generation.id;
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(time_.now() - generation.load_started);
        log::info("generation-active", {{"generation", generation.id},
                                        {"signatures", generation.signatures},
                                        {"database", generation.database_version},
                                        {"loader", generation.loader.pid},
                                        {"milliseconds", took.count()}});
        // As clamd and clamav-milter say it: logwatch counts such lines.
        if (previous != nullptr)
            log::write_text(log::Level::info,
                            "Database correctly reloaded (" + std::to_string(generation.signatures) + " signatures)");
        if (previous != nullptr) retire(*previous, GenerationEvent::superseded);
        handlers_.load_ended(LoadOutcome{.how = LoadOutcome::How::active, .generation = generation.id});
        return;
    }
}

void Generations::retire(Generation& generation, GenerationEvent event) {
    if (!apply(generation, event)) return;
    generation.queue.reset();
    generation.retired = time_.now();
    log::info("generation-draining", {{"generation", generation.id}});
    tick();
}

void Generations::retire_draining() {
    for (Generation& generation : state_.generations)
        if (generation.state == GenerationState::draining && !generation.let_go) let_go(generation);
    schedule();
}

void Generations::let_go(Generation& generation) {
    generation.let_go = time_.now();
    ask_back(generation.id);
}

bool Generations::apply(Generation& generation, GenerationEvent event) const {
    const auto state = next(generation.state, event);
    if (!state) {
        log::error("generation-event",
                   {{"generation", generation.id}, {"state", name(generation.state)}, {"refused", name(event)}});
        return false;
    }
    generation.state = *state;
    handlers_.changed();
    return true;
}

// ---------------------------------------------------------------- time

void Generations::tick() {
    const Moment now = time_.now();
    for (const QueueHolders::WorkerId id : state_.queue_holders.silent(now))
        if (SessionWorker* worker = state_.find_session_worker(id))
            processes_.kill(worker->child, "it did not acknowledge a generation's queue within 5 s");
    for (Generation& generation : state_.generations) {
        look_at_drain(generation, now);
        standbys_.tick(generation);
        scanners_.tick(generation);
        look_at_end(generation, now);
    }
    schedule();
}

std::optional<Moment> Generations::drain_due(const Generation& generation) const {
    const bool waits = generation.state == GenerationState::draining && !generation.let_go;
    if (!waits || !state_.queue_holders.is_held(generation.id)) return std::nullopt;
    return generation.retired + settings_.config.reload.drain_timeout;
}

void Generations::look_at_drain(Generation& generation, Moment now) {
    if (generation.state != GenerationState::draining) return;
    if (const auto due = drain_due(generation); due && now >= *due) let_go(generation);
    if (!state_.queue_holders.is_held(generation.id) && !generation.end_by)
        generation.end_by = now + settings_.config.scanner.max_scan_time + graces::kScan + kLoaderGrace;
}

void Generations::look_at_end(Generation& generation, Moment now) {
    if (!generation.end_by || now < *generation.end_by || !has_process(generation)) return;
    generation.end_by = now + graces::kLoaderEnd; // of what the kill leaves behind
    if (generation.state == GenerationState::loading)
        refuse(generation, EX_TEMPFAIL, "not loaded within reload.load_timeout");
    kill_all(processes_, generation, "it did not end in time");
}

void Generations::schedule() {
    std::optional<Moment> first = state_.queue_holders.due();
    const auto consider = [&first](std::optional<Moment> at) {
        if (at && (!first || *at < *first)) first = at;
    };
    for (const Generation& generation : state_.generations) {
        if (has_process(generation)) consider(generation.end_by);
        consider(StandbyKeeper::due(generation));
        consider(ScannerHealth::due(generation));
        consider(drain_due(generation));
    }
    timer_->stop();
    if (first) timer_->start(std::max(*first - time_.now(), Moment::zero()));
}

// ---------------------------------------------------------------- scanners and standbys

void Generations::on_scanner_started(Generation& generation, const messages::ScannerStarted& started) {
    scanners_.on_started(generation, started);
}

void Generations::on_scanner_ended(Generation& generation, const messages::ScannerEnded& ended) {
    scanners_.on_ended(generation, ended);
    schedule();
}

void Generations::on_overdue(const messages::ScannerOverdue& overdue) {
    scanners_.on_overdue(overdue);
}

void Generations::on_standby_started(Generation& generation, const messages::StandbyStarted& started) {
    standbys_.on_started(generation, started);
}

void Generations::on_standby_ended(Generation& generation, const messages::StandbyEnded& ended) {
    standbys_.on_ended(generation, ended);
}

void Generations::on_standby_exit(Generation& generation, pid_t pid, int wait_status) {
    standbys_.on_exit(generation, pid, wait_status);
    schedule();
    if (pid != 0) finish_if_reaped(generation);
}

void Generations::state_directory_made() {
    for (Generation& generation : state_.generations) {
        if (generation.loader.pid != 0) processes_.send_to_loader(generation.loader, messages::LockEngine{});
        if (generation.standby.pid != 0) processes_.send_to_loader(generation.standby, messages::LockEngine{});
    }
}

} // namespace evermilter::supervisor
