#include "workers/session/session_budgets.h"

#include <array>
#include <utility>
#include <vector>

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

SessionBudgets::SessionBudgets(const config::Timeouts& timeouts, const SessionBoard& board,
                               const scanning::StoreSettings& store, scanning::MemoryBudget& memory,
                               scanning::Outbox& outbox, std::function<void()> earlier, log::Level level)
    : board_(board),
      outbox_(outbox),
      earlier_(std::move(earlier)),
      level_(level),
      table_(board, store, memory, outbox),
      clock_(timeouts) {}

Result<std::shared_ptr<Session>> SessionBudgets::open(const messages::HandOver& hand_over) {
    Lock lock(mutex_);
    auto session = table_.add(hand_over);
    if (!session) return session;
    clock_.begin((*session)->id, time_now());
    wake_if_earlier(lock);
    return session;
}

void SessionBudgets::enter(Session& session, Stage stage, Stage budget_of) {
    Lock lock(mutex_);
    const Time time = time_now();
    if (clock_.enter(session.id, stage, time, budget_of) == time) table_.show_stage(session, stage);
    wake_if_earlier(lock);
}

MailRefusal SessionBudgets::mail_refusal(const Session& session) const {
    const Lock lock(mutex_);
    if (refuse_mail_) return MailRefusal::draining;
    return session.past_budget ? MailRefusal::past_session_budget : MailRefusal::none;
}

bool SessionBudgets::begin_again(Session& session) {
    Lock lock(mutex_);
    if (!table_.find(session.id)) return false;
    if (drain_ || session.past_budget) {
        session.connection.shut_down(drain_ ? "the worker is to end" : "timeouts.session");
        return false;
    }
    clock_.begin_again(session.id, time_now());
    table_.show_begin(session);
    wake_if_earlier(lock);
    return true;
}

void SessionBudgets::end(Session& session) {
    const Lock lock(mutex_);
    clock_.end(session.id);
    table_.remove(session);
}

void SessionBudgets::count_eom_timeout() noexcept {
    board_.header().counters.add("sessions.timed_out_total", Timeout::eom);
}

// What is to be logged of it, once the lock is released: a line may wait.
SessionBudgets::TimedOut SessionBudgets::expired(Session& session, const StageClock::Expired& what) {
    auto& counters = board_.header().counters;
    SessionConnection& connection = session.connection;
    const char* budget = "session";
    switch (what.budget) {
        case Budget::stage:
            budget = stage_name(what.stage);
            counters.add("sessions.timed_out_total", timeout_of(what.stage));
            connection.shut_down(kStageTimeouts.at(static_cast<std::size_t>(what.stage)));
            break;
        case Budget::packet:
            budget = "packet";
            counters.add("sessions.timed_out_total", Timeout::packet);
            connection.shut_down("timeouts.packet");
            break;
        case Budget::session:
            counters.add("sessions.timed_out_total", Timeout::session);
            session.past_budget = true;
            break;
        case Budget::last_mail:
            connection.shut_down("timeouts.session");
            break;
    }
    return {session.id, session.peer, what.stage, budget, connection.closed()};
}

void SessionBudgets::expire(Time now) {
    std::vector<TimedOut> timed_out;
    {
        const Lock lock(mutex_);
        for (const StageClock::Expired& what : clock_.expire(now))
            if (const auto session = table_.find(what.session)) timed_out.push_back(expired(*session, what));
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

std::optional<SessionBudgets::Time> SessionBudgets::arm() {
    const Lock lock(mutex_);
    armed_ = clock_.next();
    return armed_;
}

void SessionBudgets::wake_if_earlier(Lock& lock) {
    const auto next = clock_.next();
    if (!next || (armed_ && *armed_ <= *next)) return;
    armed_ = next;
    lock.unlock();
    earlier_();
}

void SessionBudgets::drain() {
    const Lock lock(mutex_);
    drain_ = true;
}

void SessionBudgets::refuse_mail() {
    const Lock lock(mutex_);
    refuse_mail_ = true;
}

void SessionBudgets::close_all() {
    table_.for_each([](Session& session) { session.connection.shut_down("the worker's time to end is over"); });
}

void SessionBudgets::adopted(std::uint64_t session, int descriptor) {
    table_.set_descriptor(session, descriptor);
}

void SessionBudgets::lost(std::uint64_t session) {
    const auto found = table_.find(session);
    if (!found) return;
    found->connection.shut_down("out of memory");
    end(*found);
    log::error("session-lost", {{"session", session}, {"peer", found->peer}, {"reason", "out of memory"}});
}

void SessionBudgets::packet_begun(int descriptor) {
    Lock lock(mutex_);
    const auto session = table_.find_by_descriptor(descriptor);
    if (!session) return;
    clock_.begin_packet(session->id, time_now());
    wake_if_earlier(lock);
}

void SessionBudgets::packet_whole(int descriptor) {
    const Lock lock(mutex_);
    if (const auto session = table_.find_by_descriptor(descriptor)) clock_.end_packet(session->id);
}

void SessionBudgets::answered(int descriptor) {
    const auto session = table_.find_by_descriptor(descriptor);
    if (!session) return;
    enter(*session, Stage::mail);
    session->speak(true);
}

void SessionBudgets::out_of_step(int descriptor, const char* why) {
    if (const auto session = table_.find_by_descriptor(descriptor)) session->connection.shut_down(why);
}

void SessionBudgets::unserved(int descriptor) {
    const auto session = table_.find_by_descriptor(descriptor);
    libmilter::forget(descriptor);
    if (session) session->connection.shut_down("no thread");
    bool first = false;
    {
        const Lock lock(mutex_);
        first = !std::exchange(unfit_, true);
    }
    log::error("session-unserved", {{"session", session ? session->id : 0},
                                    {"peer", session ? session->peer : ""},
                                    {"reason", "libmilter made no thread for it (its own message is in the log)"}});
    if (session) end(*session);
    if (first) outbox_.send(messages::SessionWorkerUnfit{"no thread for a session within three seconds"});
}

} // namespace evermilter::session
