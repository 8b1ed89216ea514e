#include "workers/session/session_table.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "workers/common/base/log.h"

namespace evermilter::session {
namespace {

StageClock::Time time_now() {
    return std::chrono::steady_clock::now();
}

// The budgets by their keys.
constexpr std::array<const char*, kStages> kStageTimeouts = {"timeouts.negotiate", "timeouts.connect", "timeouts.helo",
                                                             "timeouts.mail",      "timeouts.rcpt",    "timeouts.data",
                                                             "timeouts.header",    "timeouts.body",    "timeouts.eom"};

} // namespace

SessionTable::SessionTable(const config::Timeouts& timeouts, const SessionBoard& board,
                           const scanning::StoreSettings& store, scanning::MemoryBudget& memory,
                           scanning::Outbox& outbox, std::function<void()> earlier, log::LogLevel level)
    : board_(board),
      store_(store),
      memory_(memory),
      outbox_(outbox),
      earlier_(std::move(earlier)),
      level_(level),
      clock_(timeouts) {}

Result<std::shared_ptr<Session>> SessionTable::open(const messages::HandOver& hand_over) {
    const auto refuse = [&](Error error) {
        outbox_.send(messages::SessionEnded{hand_over.session});
        return error;
    };
    if (hand_over.slot >= board_.slots()) return refuse({0, "slot beyond the scoreboard"});
    unique_fd control(::fcntl(hand_over.connection.get(), F_DUPFD_CLOEXEC, 0));
    if (!control) return refuse(system_error("duplicate connection"));
    auto session = std::make_shared<Session>(hand_over.session, hand_over.slot, hand_over.peer, std::move(control),
                                             store_, memory_);
    session->last_word.emplace_back(messages::SessionEnded{session->id});
    Lock lock(mutex_);
    if (!by_id_.emplace(session->id, session).second) return Error{0, "session number is in use"};
    clock_.begin(session->id, time_now());
    SessionSlot& slot = board_.slot(session->slot);
    slot.stage.store(static_cast<std::uint64_t>(Stage::negotiate));
    slot.since_ns.store(monotonic_ns());
    slot.generation.store(hand_over.generation);
    slot.set_queue_id({});
    slot.session.store(session->id);
    wake_if_earlier(lock);
    return session;
}

std::shared_ptr<Session> SessionTable::find(int descriptor) const noexcept {
    const Lock lock(mutex_);
    const auto found = by_descriptor_.find(descriptor);
    return found == by_descriptor_.end() ? nullptr : found->second;
}

void SessionTable::enter(Session& session, Stage stage, Stage budget_of) {
    Lock lock(mutex_);
    if (!session.control) return;
    const Time time = time_now();
    if (clock_.enter(session.id, stage, time, budget_of) == time) {
        SessionSlot& slot = board_.slot(session.slot);
        slot.stage.store(static_cast<std::uint64_t>(stage));
        slot.since_ns.store(monotonic_ns());
    }
    wake_if_earlier(lock);
}

void SessionTable::show_generation(const Session& session, std::uint64_t generation) {
    const Lock lock(mutex_);
    if (session.control) board_.slot(session.slot).generation.store(generation);
}

void SessionTable::show_queue_id(const Session& session) {
    const Lock lock(mutex_);
    if (session.control) board_.slot(session.slot).set_queue_id(session.queue_id);
}

MailRefusal SessionTable::mail_refusal(const Session& session) const {
    const Lock lock(mutex_);
    if (refuse_mail_) return MailRefusal::draining;
    return session.past_budget ? MailRefusal::past_session_budget : MailRefusal::none;
}

bool SessionTable::begin_again(Session& session) {
    Lock lock(mutex_);
    if (!session.control) return false;
    if (drain_ || session.past_budget) {
        shut_down(session, drain_ ? "the worker is to end" : "timeouts.session");
        return false;
    }
    clock_.begin_again(session.id, time_now());
    SessionSlot& slot = board_.slot(session.slot);
    slot.stage.store(static_cast<std::uint64_t>(Stage::connect));
    slot.since_ns.store(monotonic_ns());
    slot.set_queue_id({});
    wake_if_earlier(lock);
    return true;
}

void SessionTable::end(Session& session) {
    const Lock lock(mutex_);
    if (!session.control) return;
    session.control.reset();
    session.closed.store(true);
    clock_.end(session.id);
    if (session.descriptor >= 0) by_descriptor_.erase(session.descriptor);
    board_.slot(session.slot).session.store(0);
    // Told before it is gone: a worker without sessions may end at once.
    outbox_.send_kept(session.last_word);
    by_id_.erase(session.id);
}

void SessionTable::count_eom_timeout() noexcept {
    board_.header().counters.add("sessions.timed_out_total", Timeout::eom);
}

bool SessionTable::abandoned(const Session& session) const {
    const Lock lock(mutex_);
    if (session.closed.load() || !session.control) return true;
    // A half-close counts: no MTA reads an answer after it. ppoll(2), because the program defines poll() (seam.h).
    pollfd entry{session.control.get(), POLLRDHUP, 0};
    const timespec at_once{};
    return ::ppoll(&entry, 1, &at_once, nullptr) > 0;
}

bool SessionTable::reads_nothing(const Session& session) const {
    const Lock lock(mutex_);
    if (session.closed.load() || !session.control) return false;
    pollfd entry{session.control.get(), POLLOUT | POLLRDHUP, 0};
    const timespec at_once{};
    return ::ppoll(&entry, 1, &at_once, nullptr) == 0;
}

void SessionTable::give_up(Session& session, const char* why) noexcept {
    const Lock lock(mutex_);
    if (session.control) shut_down(session, why);
}

Stage SessionTable::stage_of(const Session& session) const {
    const std::uint64_t stage = board_.slot(session.slot).stage.load();
    return stage < kStages ? static_cast<Stage>(stage) : Stage::negotiate;
}

const char* SessionTable::closed_for(const Session& session) const {
    const Lock lock(mutex_);
    return session.closed_for;
}

void SessionTable::shut_down(Session& session, const char* why) {
    session.closed.store(true);
    if (session.closed_for == nullptr) session.closed_for = why;
    (void)::shutdown(session.control.get(), SHUT_RDWR);
}

// What is to be logged of it, once the lock is released: a line may wait.
SessionTable::TimedOut SessionTable::expired(Session& session, const StageClock::Expired& what) {
    auto& counters = board_.header().counters;
    const char* budget = "session";
    switch (what.budget) {
        case Budget::stage:
            budget = stage_name(what.stage);
            counters.add("sessions.timed_out_total", timeout_of(what.stage));
            shut_down(session, kStageTimeouts.at(static_cast<std::size_t>(what.stage)));
            break;
        case Budget::packet:
            budget = "packet";
            counters.add("sessions.timed_out_total", Timeout::packet);
            shut_down(session, "timeouts.packet");
            break;
        case Budget::session:
            counters.add("sessions.timed_out_total", Timeout::session);
            session.past_budget = true;
            break;
        case Budget::last_mail:
            shut_down(session, "timeouts.session");
            break;
    }
    return {session.id, session.peer, what.stage, budget, session.closed.load()};
}

void SessionTable::expire(Time now) {
    std::vector<TimedOut> timed_out;
    {
        const Lock lock(mutex_);
        for (const StageClock::Expired& what : clock_.expire(now)) {
            const auto found = by_id_.find(what.session);
            if (found != by_id_.end()) timed_out.push_back(expired(*found->second, what));
        }
    }
    for (const TimedOut& one : timed_out) {
        log::write(level_, "session-timed-out",
                   {{"session", one.session},
                    {"peer", one.peer},
                    {"stage", stage_name(one.stage)},
                    {"budget", one.budget},
                    {"closed", one.closed ? "yes" : "no"}});
    }
}

std::optional<SessionTable::Time> SessionTable::arm() {
    const Lock lock(mutex_);
    armed_ = clock_.next();
    return armed_;
}

void SessionTable::wake_if_earlier(Lock& lock) {
    const auto next = clock_.next();
    if (!next || (armed_ && *armed_ <= *next)) return;
    armed_ = next;
    lock.unlock();
    earlier_();
}

void SessionTable::drain() {
    const Lock lock(mutex_);
    drain_ = true;
}

void SessionTable::refuse_mail() {
    const Lock lock(mutex_);
    refuse_mail_ = true;
}

void SessionTable::close_all() {
    const Lock lock(mutex_);
    for (const auto& [id, session] : by_id_) shut_down(*session, "the worker's time to end is over");
}

std::size_t SessionTable::size() const {
    const Lock lock(mutex_);
    return by_id_.size();
}

void SessionTable::adopted(std::uint64_t session, int descriptor) {
    const Lock lock(mutex_);
    const auto found = by_id_.find(session);
    if (found == by_id_.end()) return;
    found->second->descriptor = descriptor;
    by_descriptor_[descriptor] = found->second;
}

void SessionTable::lost(std::uint64_t session) {
    std::shared_ptr<Session> given_up;
    {
        const Lock lock(mutex_);
        const auto found = by_id_.find(session);
        if (found == by_id_.end()) return;
        given_up = found->second;
        shut_down(*given_up, "out of memory");
    }
    end(*given_up);
    log::error("session-lost", {{"session", session}, {"peer", given_up->peer}, {"reason", "out of memory"}});
}

void SessionTable::packet_begun(int descriptor) {
    Lock lock(mutex_);
    const auto found = by_descriptor_.find(descriptor);
    if (found == by_descriptor_.end()) return;
    clock_.begin_packet(found->second->id, time_now());
    wake_if_earlier(lock);
}

void SessionTable::packet_whole(int descriptor) {
    const Lock lock(mutex_);
    const auto found = by_descriptor_.find(descriptor);
    if (found != by_descriptor_.end()) clock_.end_packet(found->second->id);
}

void SessionTable::answered(int descriptor) {
    const auto session = find(descriptor);
    if (!session) return;
    enter(*session, Stage::mail);
    session->speak(true);
}

void SessionTable::out_of_step(int descriptor, const char* why) {
    if (const auto session = find(descriptor)) give_up(*session, why);
}

void SessionTable::unserved(int descriptor) {
    const auto session = find(descriptor);
    seam::forget(descriptor);
    bool first = false;
    {
        const Lock lock(mutex_);
        if (session && session->control) shut_down(*session, "no thread");
        first = !std::exchange(unfit_, true);
    }
    log::error("session-unserved", {{"session", session ? session->id : 0},
                                    {"peer", session ? session->peer : ""},
                                    {"reason", "libmilter made no thread for it (its own message is in the log)"}});
    if (session) end(*session);
    if (first) outbox_.send(messages::SessionWorkerUnfit{"no thread for a session within three seconds"});
}

} // namespace evermilter::session
