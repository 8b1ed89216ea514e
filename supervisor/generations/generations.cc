#include "supervisor/generations/generations.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>
#include <utility>

#include "supervisor/generations/rollback.h"
#include "supervisor/generations/snapshots.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/database_files.h"
#include "workers/common/shared/engine_lock.h"
#include "workers/common/shared/generation_id.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t ns(std::chrono::nanoseconds duration) {
    return duration.count();
}

// Ids left out where the last one is not known: those of refused loads are nowhere else.
constexpr std::uint64_t kSkipped = 1000;

// A session worker that is silent for longer is killed rather than pin an engine.
constexpr std::int64_t kSilence = ns(graces::kAcknowledge);

bool ready_or_draining(const SessionWorker& worker) {
    return worker.child.state == WorkerState::ready || worker.child.state == WorkerState::draining;
}

bool wants_standby(const Generation& generation) {
    return generation.standby_due_ns != 0 && generation.loaded && generation.loader.pid != 0 && !generation.condemned;
}

// Of the loader: no room, no memory, no time, no right to read. Other reasons are the database's own.
bool may_pass(int exit_code) {
    return exit_code == EX_OSERR || exit_code == EX_CANTCREAT || exit_code == EX_TEMPFAIL || exit_code == EX_NOPERM;
}

// Bounds of what a loader tells.
constexpr std::size_t kMostTexts = 64;
constexpr std::size_t kLongestText = 512;

// What was lost with databases that are given up, for the answer, the status and the log.
void note_vanished(Generation& generation, const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    const std::uint64_t had = generation.signatures_before;
    const std::uint64_t lost = had > generation.signatures ? had - generation.signatures : 0;
    text.resize(std::min(text.size(), kLongestText));
    log::warning("databases-vanished", {{"generation", generation.id}, {"databases", text}, {"signatures_lost", lost}});
    generation.notes.push_back("vanished and given up: " + text + "; " + std::to_string(lost) +
                               " signatures fewer than before");
}

void expect_answer(SessionWorker& worker) {
    if (worker.answer_by_ns == 0) worker.answer_by_ns = monotonic_ns() + kSilence;
}

// Each answer shows that it lives; what is still to come has its own time.
void answered(SessionWorker& worker) {
    worker.answer_by_ns = worker.taking.empty() && worker.letting_go.empty() ? 0 : monotonic_ns() + kSilence;
}

} // namespace

Generations::Generations(Loop* loop, State& state, Children& children, const Settings& settings, Handlers handlers)
    : state_(state),
      children_(children),
      settings_(settings),
      handlers_(std::move(handlers)),
      random_(static_cast<std::minstd_rand::result_type>(monotonic_ns())),
      timer_(loop, [this] { tick(); }) {}

// ---------------------------------------------------------------- loading

Result<void> Generations::start_load(const LoadRequest& request) {
    const Settings& settings = request.settings ? *request.settings : settings_;
    if (!last_id_) last_id_ = last_id();
    const std::uint64_t id = *last_id_ + 1;
    auto queue = seqpacket_pair(Blocking::no, Blocking::no);
    if (!queue) return std::move(queue).error();
    auto board = ScannerBoard::create("scanner-board", settings.scanners);
    if (!board) return std::move(board).error();
    auto shared = board->duplicate();
    if (!shared) return std::move(shared).error();
    auto poison = state_.poison.share();
    if (!poison) return std::move(poison).error();

    messages::StartLoad message;
    message.generation = id;
    message.config = settings.toml;
    message.origin = settings.origin;
    message.scanners = settings.scanners;
    message.force = request.force;
    message.check_files = request.check_files;
    message.await_room = settings.config.reload.mode == config::ReloadMode::replace;
    message.reuse_snapshot = request.reuse_snapshot;
    const Generation* active = state_.active_generation();
    // Where nothing serves, the load is all there is to do.
    message.low_priority = request.low_priority && active != nullptr && !message.await_room;
    if (active != nullptr) {
        message.active_engine_bytes = active->engine_bytes;
        message.active_expected_bytes = active->expected_bytes;
    }
    if (active != nullptr && !request.restore) message.active_digest = active->source_digest;
    std::uint64_t signatures_before = 0;
    if (active != nullptr && (!request.restore || request.keep_all)) {
        message.active_databases = active->databases;
        message.active_snapshot = active->snapshot;
        message.may_vanish = given_up(settings.config.database);
        signatures_before = active->signatures;
        // Other settings may be a reason for fewer.
        if (!request.settings) message.active_signatures = active->signatures;
    } else if (active == nullptr && !request.restore) {
        signatures_before = compare_with_last(message);
    }
    const std::int64_t now = monotonic_ns();
    message.deadline_ns = now + ns(settings.config.reload.load_timeout);
    unique_fd queue_end(::fcntl(queue->second.get(), F_DUPFD_CLOEXEC, 0));
    if (!queue_end) return system_error("the receiving end of a queue");
    message.queue = std::move(queue->second);
    message.board = std::move(*shared);
    message.poison = std::move(*poison);

    Generation& generation = state_.generations.emplace_back();
    auto started = children_.start(generation.loader, messages::Role::loader, settings.identities);
    if (!started) {
        state_.generations.pop_back();
        return started;
    }
    generation.id = id;
    last_id_ = id;
    generation.queue = std::move(queue->first);
    generation.queue_end = std::move(queue_end);
    generation.board.emplace(std::move(*board));
    generation.load_started_ns = now;
    generation.end_by_ns = message.deadline_ns;
    generation.low_priority = message.low_priority;
    generation.signatures_before = signatures_before;
    generation.may_await_room = message.await_room;
    generation.may_be_unchanged = !message.active_digest.empty() && !message.force;
    generation.load_timeout_ns = message.deadline_ns - now;
    if (auto channel = children_.expect(generation.standby, messages::Role::standby))
        message.standby = std::move(*channel);
    else
        standby_failed(generation, channel.error().what);
    children_.send(generation.loader, std::move(message));
    log::info("load-started", {{"generation", generation.id}, {"loader", generation.loader.pid}});
    schedule(now);
    handlers_.changed();
    return {};
}

// Where the file cannot be read, is missing or is older than what else has an id, that tells how far they had come: a
// snapshot's number is not used twice. It only keeps books.
std::uint64_t Generations::last_id() const {
    const std::string& folder = settings_.config.database.state_directory;
    auto last = last_generation_id(folder);
    std::uint64_t id = 0;
    const auto snapshots = stored_snapshots(folder);
    if (!snapshots.empty()) id = snapshots.front().id;
    if (const auto engines = locked_engines(folder); engines && !engines->empty())
        id = std::max(id, std::min(engines->back(), kLargestGenerationId));
    if (last) return std::max(*last, id);
    id += kSkipped;
    log::warning("generation-id", {{"error", last.error().what}, {"continues_after", id}});
    return id;
}

// Where nothing serves yet: what has vanished since the last snapshot is taken as it is, but told. How many signatures
// that had.
std::uint64_t Generations::compare_with_last(messages::StartLoad& message) const {
    const auto known = best_first(stored_snapshots(settings_.config.database.state_directory), state_.decisions);
    if (known.empty()) return 0;
    const auto files = list_database_files(known.front().path);
    if (!files) return 0;
    for (const DatabaseFile& file : *files) message.active_databases.push_back(database_name(file.name));
    message.may_vanish = message.active_databases;
    message.active_snapshot = known.front().path;
    return known.front().signatures;
}

// Databases that are missing for so long that a load goes on without them.
std::vector<std::string> Generations::given_up(const config::Database& database) const {
    std::vector<std::string> names;
    const std::int64_t since = monotonic_ns() - ns(database.vanished_after);
    for (const auto& [name, first_ns] : state_.vanished)
        if (first_ns <= since) names.push_back(name);
    return names;
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

// What serves ends now, and the load begins when it is reaped. Until the new one is active, ends of messages wait.
void Generations::on_awaits_room(Generation& generation) {
    if (generation.state != GenerationState::loading || generation.loaded) return;
    if (!std::exchange(generation.may_await_room, false)) {
        children_.kill(generation.loader, "it waits for room, which it was not asked to do");
        return;
    }
    generation.may_be_unchanged = false; // what serves ends for it
    generation.awaits_room = true;
    generation.end_by_ns = 0; // what drains has its own bound
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
        generation.end_by_ns = monotonic_ns() + generation.load_timeout_ns;
        children_.send(generation.loader, messages::RoomToLoad{});
        schedule(monotonic_ns());
    }
}

void Generations::on_ready(Generation& generation, messages::LoaderReady&& ready) {
    if (generation.state != GenerationState::loading || generation.loaded) {
        if (generation.state != GenerationState::failed) children_.kill(generation.loader, "it was ready already");
        return;
    }
    generation.loaded = true;
    generation.may_be_unchanged = false;
    generation.signatures = ready.signatures;
    generation.database_version = std::move(ready.database_version);
    generation.database_time = ready.database_time;
    generation.digest = std::move(ready.digest);
    generation.source_digest = std::move(ready.source_digest);
    generation.databases = std::move(ready.databases);
    generation.broken = std::move(ready.broken);
    if (generation.broken.size() > kMostTexts) generation.broken.resize(kMostTexts);
    for (std::string& text : generation.broken) text.resize(std::min(text.size(), kLongestText));
    generation.books = ready.books.substr(0, kLongestText);
    if (!ready.vanished.empty()) note_vanished(generation, ready.vanished);
    generation.snapshot = std::move(ready.snapshot);
    generation.engine_version = std::move(ready.engine_version);
    generation.engine_bytes = ready.engine_bytes;
    generation.expected_bytes = ready.expected_bytes;
    generation.loaded_at = std::time(nullptr);
    generation.end_by_ns = 0;
    generation.standby_policy.proven();
    if (!children_.apply(generation.loader, WorkerEvent::ready)) return;
    for (SessionWorker& worker : state_.session_workers) {
        if (ready_or_draining(worker)) send_queue(worker, generation);
    }
    activate_if_taken();
}

void Generations::on_unchanged(Generation& generation) {
    if (generation.state != GenerationState::loading) return;
    if (!generation.may_be_unchanged) {
        children_.kill(generation.loader, "it says that nothing has changed, which it was not asked");
        return;
    }
    log::info("load-unchanged", {{"generation", generation.id}, {"current", state_.current_generation}});
    end_unneeded(generation, LoadResult::unchanged);
}

void Generations::on_starved(Generation& generation) {
    if (generation.state != GenerationState::loading || generation.loaded) return;
    if (!generation.low_priority) {
        refuse(generation, EX_SOFTWARE, "the loader says that it gave way to others, which it was not to do");
        return;
    }
    log::info("load-starved", {{"generation", generation.id}, {"remedy", "begun again at the scanners' priority"}});
    end_unneeded(generation, LoadResult::starved);
}

// The loader ends by itself; that is no failure, and leaves no record (sweep).
void Generations::end_unneeded(Generation& generation, LoadResult result) {
    if (!apply(generation, GenerationEvent::refused)) return;
    generation.queue.reset();
    generation.end_by_ns = monotonic_ns() + ns(graces::kLoaderEnd);
    LoadOutcome outcome;
    outcome.result = result;
    outcome.generation = state_.current_generation;
    schedule(monotonic_ns());
    handlers_.load_ended(outcome);
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
    generation.end_by_ns = monotonic_ns() + ns(graces::kLoaderEnd);
    for (SessionWorker& worker : state_.session_workers) {
        if (!worker.holds.contains(generation.id)) continue;
        ask_to_let_go(worker, generation.id);
    }
    log::error("load-refused", {{"generation", generation.id}, {"reason", error}});
    outcome.result = LoadResult::refused;
    outcome.generation = state_.current_generation;
    outcome.exit_code = exit_code;
    outcome.error = error;
    outcome.may_pass = may_pass(exit_code) || generation.loader.pid == 0; // it died
    schedule(monotonic_ns());
    handlers_.load_ended(outcome);
}

// ---------------------------------------------------------------- the queues and who holds them

void Generations::send_queue(SessionWorker& worker, Generation& generation) {
    unique_fd copy(::fcntl(generation.queue.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        // Without the queue it would answer errors for ever; a new worker gets one.
        children_.kill(worker.child, system_error("cannot give it the queue").what);
        return;
    }
    worker.holds.insert(generation.id);
    worker.taking.insert(generation.id);
    expect_answer(worker);
    children_.send(worker.child, messages::TakeQueue{generation.id, std::move(copy)});
    schedule(monotonic_ns());
}

void Generations::ask_to_let_go(SessionWorker& worker, std::uint64_t generation) {
    worker.letting_go.insert(generation);
    expect_answer(worker);
    children_.send(worker.child, messages::LetGo{generation});
}

void Generations::give_to(SessionWorker& worker) {
    for (Generation& generation : state_.generations) {
        const bool being_given = generation.state == GenerationState::loading && generation.loaded;
        if (generation.state == GenerationState::active || being_given) send_queue(worker, generation);
    }
}

void Generations::worker_gone() {
    activate_if_taken();
    tick();
}

void Generations::on_taken(SessionWorker& worker, const messages::QueueTaken& taken) {
    if (worker.taking.erase(taken.generation) == 0) {
        children_.kill(worker.child, "it took a queue that it was not given");
        return;
    }
    answered(worker);
    activate_if_taken();
}

void Generations::on_released(SessionWorker& worker, const messages::QueueReleased& released) {
    if (worker.holds.erase(released.generation) == 0) {
        children_.kill(worker.child, "it released a queue that it does not hold");
        return;
    }
    worker.letting_go.erase(released.generation);
    answered(worker);
    tick();
}

bool Generations::held(std::uint64_t generation) const {
    return std::any_of(state_.session_workers.begin(), state_.session_workers.end(),
                       [generation](const SessionWorker& worker) { return worker.holds.contains(generation); });
}

// ---------------------------------------------------------------- the switch

void Generations::activate_if_taken() {
    for (Generation& generation : state_.generations) {
        if (generation.state != GenerationState::loading || !generation.loaded) continue;
        const bool awaited =
            std::any_of(state_.session_workers.begin(), state_.session_workers.end(),
                        [&](const SessionWorker& worker) { return worker.taking.contains(generation.id); });
        if (awaited || !apply(generation, GenerationEvent::activated)) return;

        Generation* previous = state_.active_generation();
        state_.current_generation = generation.id;
        log::info("generation-active", {{"generation", generation.id},
                                        {"signatures", generation.signatures},
                                        {"database", generation.database_version},
                                        {"loader", generation.loader.pid},
                                        {"milliseconds", (monotonic_ns() - generation.load_started_ns) / 1'000'000}});
        if (previous != nullptr) retire(*previous, GenerationEvent::superseded);
        LoadOutcome outcome;
        outcome.result = LoadResult::active;
        outcome.generation = generation.id;
        handlers_.load_ended(outcome);
        return;
    }
}

// ---------------------------------------------------------------- time

std::int64_t Generations::scan_bound_ns() const {
    return ns(settings_.config.scanner.max_scan_time) + ns(graces::kScan);
}

void Generations::tick() {
    const std::int64_t now = monotonic_ns();
    for (SessionWorker& worker : state_.session_workers) {
        if (worker.answer_by_ns == 0 || now < worker.answer_by_ns) continue;
        worker.answer_by_ns = 0;
        children_.kill(worker.child, "it did not acknowledge a generation's queue within 5 s");
    }
    for (Generation& generation : state_.generations) {
        if (generation.state == GenerationState::draining) {
            const bool is_held = held(generation.id);
            if (is_held && generation.let_go_ns == 0 &&
                now >= generation.retired_ns + ns(settings_.config.reload.drain_timeout))
                tell_to_let_go(generation);
            if (!is_held && generation.end_by_ns == 0) generation.end_by_ns = now + scan_bound_ns() + ns(1s);
        }
        if (wants_standby(generation) && now >= generation.standby_due_ns) ask_for_standby(generation);
        if (generation.look_ns != 0 && now >= generation.look_ns) look_at_scanners(generation, now);
        if (generation.end_by_ns == 0 || now < generation.end_by_ns || !has_process(generation)) continue;
        generation.end_by_ns = now + ns(graces::kLoaderEnd); // of what the kill leaves behind
        if (generation.state == GenerationState::loading)
            refuse(generation, EX_TEMPFAIL, "not loaded within reload.load_timeout");
        kill_processes(generation, "it did not end in time");
    }
    schedule(now);
}

void Generations::schedule(std::int64_t now_ns) {
    constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    std::int64_t first = never;
    const auto consider = [&](std::int64_t at) { first = at == 0 ? first : std::min(first, at); };
    for (const SessionWorker& worker : state_.session_workers) consider(worker.answer_by_ns);
    for (const Generation& generation : state_.generations) {
        if (has_process(generation)) consider(generation.end_by_ns);
        if (wants_standby(generation)) consider(generation.standby_due_ns);
        consider(generation.look_ns);
        if (generation.state == GenerationState::draining && generation.let_go_ns == 0)
            consider(generation.retired_ns + ns(settings_.config.reload.drain_timeout));
    }
    timer_.stop();
    if (first != never) timer_.start(std::chrono::nanoseconds(std::max<std::int64_t>(first - now_ns, 0)));
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

} // namespace evermilter::supervisor
