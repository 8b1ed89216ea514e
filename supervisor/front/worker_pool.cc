#include "supervisor/front/worker_pool.h"

#include <poll.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr auto kShrinkInterval = 10s;
// How often is looked at those who wait for a worker with room.
constexpr auto kWaitingInterval = 100ms;
// Where no session comes, workers that live so long have proven that they can serve.
constexpr auto kProven = 1min;
// More session workers than ever live: workers.session_max, and those of an old configuration that drain.
constexpr std::uint32_t kMemorySlots = 8192;

bool current(const SessionWorker& worker, const State& state) {
    return worker.config_serial == state.config_serial &&
           (worker.child.state == ChildState::starting || worker.child.state == ChildState::ready);
}

// Such a worker has served, whatever its end: another may start at once. Its sessions need not have
// ended for that; an MTA may keep them for hours.
bool has_answered(const SessionWorker& worker) {
    Counters counted;
    counted.add_all(worker.board->header().counters);
    for (std::size_t verdict = 0; verdict < kDispositions; ++verdict)
        if (counted.get("messages", static_cast<Disposition>(verdict)) > 0) return true;
    return false;
}

} // namespace

// One is retired at a time, and only when those that stay have a whole worker's room left.
bool SessionWorkers::can_shrink(const Census& now, const config::Workers& limits) {
    return now.current > limits.session_min && now.available >= 2 * limits.sessions_per_worker;
}

SessionWorkers::SessionWorkers(Loop* loop, State& state, Children& children, const Settings& settings,
                               Handlers handlers, Children::Clock clock)
    : state_(state),
      children_(children),
      settings_(settings),
      handlers_(std::move(handlers)),
      clock_(std::move(clock)),
      random_(static_cast<std::minstd_rand::result_type>(clock_())),
      restart_timer_(loop, [this] { adjust(); }),
      shrink_timer_(loop, [this] { shrink(); }),
      waiting_timer_(loop, [this] { look_at_waiting(); }),
      proof_timer_(loop, [this] { prove_by_time(); }) {}

SessionWorkers::Census SessionWorkers::census() const {
    Census counted;
    for (const SessionWorker& worker : state_.session_workers) {
        ++counted.living;
        if (!current(worker, state_)) continue;
        ++counted.current;
        counted.available += worker.slots.available();
    }
    return counted;
}

void SessionWorkers::adjust() {
    const config::Workers& limits = settings_.config.workers;
    while (!stopping_) { // a worker that cannot be started may end the service
        const Census now = census();
        const bool enough =
            now.current >= limits.session_min && now.available >= limits.sessions_per_worker / 2 + waiting_.size();
        // Workers that drain count against session_max, but never keep the first new ones from starting.
        const bool room = now.current < limits.session_min || now.living < limits.session_max;
        if (enough) break;
        if (!room) {
            hurry_oldest();
            break;
        }
        const std::chrono::nanoseconds wait = policy_.not_before() - std::chrono::nanoseconds(clock_());
        if (wait > 0ns) {
            if (!restart_timer_.active()) restart_timer_.start(wait);
            break;
        }
        start_one();
    }
    if (stopping_ || !can_shrink(census(), limits))
        shrink_timer_.stop();
    else if (!shrink_timer_.active())
        shrink_timer_.start(kShrinkInterval);
}

// Past session_max new sessions need the room that sessions of retired workers hold: the oldest worker's get 421 at
// their next MAIL, and their clients come back. One worker at a time.
void SessionWorkers::hurry_oldest() {
    for (SessionWorker& worker : state_.session_workers) {
        if (worker.child.state != ChildState::draining) continue;
        if (!worker.refuses_mail) drain(worker, true, 0);
        return;
    }
}

void SessionWorkers::shrink() {
    if (can_shrink(census(), settings_.config.workers)) {
        SessionWorker* idlest = choose();
        if (idlest != nullptr) drain(*idlest, false, 0);
    }
    adjust();
}

// Its slot of the memory board; the descriptor of the board for it.
Result<unique_fd> SessionWorkers::take_memory(SessionWorker& worker) {
    if (!state_.memory) {
        auto made = MemoryBoard::create("memory-board", kMemorySlots);
        if (!made) return std::move(made).error();
        state_.memory.emplace(std::move(*made));
        state_.memory_slots = Slots(kMemorySlots);
    }
    auto shared = state_.memory->duplicate();
    if (!shared) return shared;
    const auto slot = state_.memory_slots.take();
    if (!slot) return Error{0, "too many session workers"};
    worker.memory_slot = *slot;
    auto& given = state_.memory->header().given;
    given.store(std::max<std::uint64_t>(given.load(), *slot + 1));
    return shared;
}

// The worker is no more: what it held is free.
void SessionWorkers::give_back_memory(const SessionWorker& worker) {
    state_.memory->slot(worker.memory_slot).bytes.store(0);
    state_.memory_slots.give_back(worker.memory_slot);
}

void SessionWorkers::start_one() {
    SessionWorker& worker = state_.session_workers.emplace_back();
    const std::uint32_t slots = settings_.config.workers.sessions_per_worker;
    auto board = SessionBoard::create("session-board", slots);
    auto shared = board ? board->duplicate() : Result<unique_fd>(board.error());
    auto memory = shared ? take_memory(worker) : Result<unique_fd>(shared.error());
    auto poison = memory ? state_.poison.share() : Result<unique_fd>(memory.error());
    auto started = poison ? children_.start(worker.child, messages::Role::session, settings_.identities)
                          : Result<void>(poison.error());
    if (!started) {
        if (memory) give_back_memory(worker);
        state_.session_workers.pop_back();
        failed_to_serve(EX_OSERR, started.error().what);
        return;
    }
    worker.board.emplace(std::move(*board));
    for (std::size_t word = 0; word < state_.probe_key.size(); ++word)
        worker.board->header().probe_key.at(word).store(state_.probe_key.at(word));
    worker.slots = Slots(slots);
    worker.config_serial = state_.config_serial;
    children_.send(worker.child,
                   messages::ConfigureSession{settings_.toml, settings_.origin, std::move(*shared), std::move(*memory),
                                              worker.memory_slot, std::move(*poison)});
}

void SessionWorkers::failed_to_serve(int exit_code, const std::string& error) {
    policy_.failed(std::chrono::nanoseconds(clock_()), std::uniform_real_distribution<double>(0.0, 1.0)(random_));
    log::error("session-worker-failed", {{"reason", error}, {"failures", policy_.failures()}});
    if (stopping_) return;
    if (!ever_ready_) {
        handlers_.unable(exit_code, error);
        return;
    }
    proof_timer_.start(kProven);
    if (!policy_.degraded()) return;
    state_.workers_reason = "session workers cannot be replaced: " + error;
    handlers_.changed();
}

void SessionWorkers::proven() {
    policy_.proven();
    if (state_.workers_reason.empty()) return;
    state_.workers_reason.clear();
    handlers_.changed();
}

void SessionWorkers::prove_by_time() {
    const auto ready = std::count_if(state_.session_workers.begin(), state_.session_workers.end(),
                                     [this](const SessionWorker& worker) {
                                         return current(worker, state_) && worker.child.state == ChildState::ready;
                                     });
    if (ready >= static_cast<std::ptrdiff_t>(settings_.config.workers.session_min))
        proven();
    else
        proof_timer_.start(kProven);
}

bool SessionWorkers::hand_over(unique_fd connection, Peer peer) {
    const config::Workers& limits = settings_.config.workers;
    if (stopping_) return false;
    SessionWorker* worker = choose();
    // Those that wait must find room in what session_max allows; they are let in as workers become ready.
    if (worker == nullptr && waiting_.size() >= limits.sessions_per_worker) return false;

    const std::uint64_t id = state_.next_session++;
    state_.sessions.add(Session{id, std::move(peer)});
    if (worker == nullptr)
        queue(id, std::move(connection));
    else
        give(*worker, id, std::move(connection));
    adjust();
    return true;
}

void SessionWorkers::queue(std::uint64_t session, unique_fd connection) {
    const std::chrono::nanoseconds bound = settings_.config.timeouts.negotiate;
    waiting_.push_back(Waiting{session, std::move(connection), clock_() + bound.count()});
    if (!waiting_timer_.active()) waiting_timer_.start(kWaitingInterval, kWaitingInterval);
}

// Its negotiation lies unread in the socket, so that readiness says nothing; whether its peer is still there does.
void SessionWorkers::look_at_waiting() {
    const std::int64_t now = clock_();
    for (auto one = waiting_.begin(); one != waiting_.end();) {
        pollfd entry{one->connection.get(), POLLRDHUP, 0};
        const bool hung_up = ::poll(&entry, 1, 0) > 0;
        if (!hung_up && now < one->deadline_ns) {
            ++one;
            continue;
        }
        const std::uint64_t id = one->session;
        one = waiting_.erase(one); // closes it
        if (const auto session = state_.sessions.remove(id, 0)) handlers_.turned_away(session->peer, hung_up);
    }
    if (waiting_.empty()) waiting_timer_.stop();
}

SessionWorker* SessionWorkers::choose() {
    SessionWorker* best = nullptr;
    for (SessionWorker& worker : state_.session_workers) {
        if (worker.child.state != ChildState::ready || !worker.child.channel.open()) continue;
        if (worker.config_serial != state_.config_serial || worker.slots.available() == 0) continue;
        if (best == nullptr || worker.slots.used() < best->slots.used()) best = &worker;
    }
    return best;
}

void SessionWorkers::give(SessionWorker& worker, std::uint64_t session, unique_fd connection) {
    const auto slot = worker.slots.take();
    const auto entry = state_.sessions.all().find(session);
    if (!slot || entry == state_.sessions.all().end()) return; // choose() found room, and the session was added
    state_.sessions.assign(session, worker.child.id, *slot);
    messages::HandOver message;
    message.session = session;
    message.slot = *slot;
    message.generation = state_.current_generation;
    message.peer = entry->second.peer.address;
    message.listener = entry->second.peer.listener;
    message.detection = entry->second.peer.detection;
    message.connection = std::move(connection);
    children_.send(worker.child, std::move(message));
}

void SessionWorkers::give_waiting() {
    while (!waiting_.empty()) {
        SessionWorker* worker = choose();
        if (worker == nullptr) return;
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        give(*worker, next.session, std::move(next.connection));
    }
}

void SessionWorkers::drain(SessionWorker& worker, bool refuse_mail, std::int64_t deadline_ns) {
    if (!children_.apply(worker.child, ChildChange::drain)) return;
    if (worker.ending == Ending::crash) worker.ending = Ending::drained;
    worker.refuses_mail = worker.refuses_mail || refuse_mail;
    children_.send(worker.child, messages::DrainSessions{refuse_mail, deadline_ns});
}

void SessionWorkers::stop(bool refuse_mail, std::int64_t deadline_ns) {
    stopping_ = true;
    restart_timer_.stop();
    shrink_timer_.stop();
    waiting_timer_.stop();
    proof_timer_.stop();
    for (const Waiting& waiting : waiting_) static_cast<void>(state_.sessions.remove(waiting.session, 0));
    waiting_.clear();
    for (SessionWorker& worker : state_.session_workers) drain(worker, refuse_mail, deadline_ns);
}

void SessionWorkers::replace_all() {
    for (SessionWorker& worker : state_.session_workers) {
        if (worker.child.state == ChildState::starting || worker.child.state == ChildState::ready)
            drain(worker, false, 0);
    }
    adjust();
}

void SessionWorkers::no_generation(const std::string& reason) {
    no_generation_ = reason;
    for (SessionWorker& worker : state_.session_workers) children_.send(worker.child, messages::NoGeneration{reason});
}

void SessionWorkers::on_ready(SessionWorker& worker) {
    if (worker.child.was_ready) {
        children_.kill(worker.child, "it was ready already");
        return;
    }
    if (!children_.apply(worker.child, ChildChange::ready)) return;
    ever_ready_ = true;
    log::info("session-worker-ready", {{"worker", worker.child.pid}});
    if (!no_generation_.empty()) children_.send(worker.child, messages::NoGeneration{no_generation_});
    handlers_.ready(worker);
    give_waiting();
}

void SessionWorkers::on_failed(SessionWorker& worker, const messages::SessionWorkerFailed& failure) {
    if (worker.ending == Ending::failed) {
        children_.kill(worker.child, "it has failed already");
        return;
    }
    worker.ending = Ending::failed;
    static_cast<void>(children_.apply(worker.child, ChildChange::unfit));
    failed_to_serve(failure.exit_code, failure.error);
}

void SessionWorkers::on_session_ended(SessionWorker& worker, const messages::SessionEnded& ended) {
    const auto session = state_.sessions.remove(ended.session, worker.child.id);
    if (!session) {
        children_.kill(worker.child, "it ended a session that it does not have");
        return;
    }
    worker.slots.give_back(session->slot);
    ++worker.served;
    proven();
    give_waiting();
    adjust();
}

void SessionWorkers::on_unfit(SessionWorker& worker, const messages::SessionWorkerUnfit& unfit) {
    if (worker.ending == Ending::unfit || worker.ending == Ending::failed) {
        children_.kill(worker.child, "it was unfit already");
        return;
    }
    log::warning("session-worker-unfit", {{"worker", worker.child.pid}, {"reason", unfit.reason}});
    // One that was to end anyway needs no other in its place.
    if (worker.ending == Ending::crash) failed_to_serve(EX_UNAVAILABLE, "a session worker is unfit: " + unfit.reason);
    worker.ending = Ending::unfit;
    static_cast<void>(children_.apply(worker.child, ChildChange::unfit));
    children_.send(worker.child, messages::DrainSessions{false, 0});
    adjust();
}

void SessionWorkers::on_exit(SessionWorker& worker, pid_t pid, int wait_status) {
    const auto lost = state_.sessions.remove_worker(worker.child.id);
    const bool ended_well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    const bool expected =
        ended_well && lost.empty() && (worker.ending == Ending::drained || worker.ending == Ending::unfit);
    if (has_answered(worker)) proven();
    state_.counters.add_all(worker.board->header().counters);
    give_back_memory(worker);
    const bool said_why = worker.ending == Ending::failed || worker.ending == Ending::unfit;
    const std::string status = end_text(worker.child, wait_status);
    const auto entry = std::find_if(state_.session_workers.begin(), state_.session_workers.end(),
                                    [&worker](const SessionWorker& one) { return &one == &worker; });
    departed_.splice(departed_.end(), state_.session_workers, entry);

    if (expected) {
        log::info("session-worker-ended", {{"worker", pid}});
    } else {
        state_.counters.add("crashes", messages::Role::session);
        log::error("session-worker-died", {{"worker", pid}, {"status", status}, {"sessions_lost", lost.size()}});
        if (!said_why)
            failed_to_serve(WIFEXITED(wait_status) && !ended_well ? WEXITSTATUS(wait_status) : EX_SOFTWARE,
                            "a session worker ended: " + status);
    }
    handlers_.gone();
    adjust();
}

} // namespace evermilter::supervisor
