// The life of a session from hand-over to its end, under the budgets of the stage clock: it closes those whose budget
// is over, refuses what must not begin any more, and takes what libmilter's threads report. Any thread, unless said.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "config/config.h"
#include "workers/common/base/log.h"
#include "workers/common/ipc/from_session.h"
#include "workers/common/ipc/to_session.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/policy/mail_refusal.h"
#include "workers/session/session_table.h"
#include "workers/session/stage_clock.h"

namespace evermilter::session {

class SessionBudgets final : public libmilter::Events {
  public:
    using Time = StageClock::Time;

    // `level` is that of the lines that say how a session ended.
    // `earlier` is called when a deadline earlier than all before has come up: the caller must set its timer again.
    // All references must outlive this object.
    SessionBudgets(const config::Timeouts& timeouts, const SessionBoard& board, const scanning::StoreSettings& store,
                   scanning::MemoryBudget& memory, scanning::Outbox& outbox, std::function<void()> earlier,
                   log::Level level = log::Level::info);

    [[nodiscard]] log::Level level() const noexcept { return level_; }
    [[nodiscard]] SessionTable& table() noexcept { return table_; }
    [[nodiscard]] std::size_t size() const { return table_.size(); }

    // A HandOver: the session begins in stage negotiate. Error as SessionTable::add().
    [[nodiscard]] Result<std::shared_ptr<Session>> open(const messages::HandOver& hand_over);
    // The session waits for `stage` now; `budget_of` as in StageClock::enter.
    void enter(Session& session, Stage stage) { enter(session, stage, stage); }
    void enter(Session& session, Stage stage, Stage budget_of);
    [[nodiscard]] MailRefusal mail_refusal(const Session& session) const;
    // SMFIC_QUIT_NC: the next SMTP session on the same connection, in stage connect. False where there is to be none:
    // the worker is to end, or timeouts.session is over; the connection is shut down then.
    [[nodiscard]] bool begin_again(Session& session);
    // The connection is closed, or about to be. Idempotent.
    void end(Session& session);
    // Counts an expired timeouts.eom, which the end of message itself keeps.
    void count_eom_timeout() noexcept;

    // Closes what is over its budget. Called by the thread that has the timer.
    void expire(Time now);
    // The earliest deadline; from now on `earlier` is called for an earlier one.
    [[nodiscard]] std::optional<Time> arm();

    // The worker is to end: from now on no connection goes on after its SMTP session.
    void drain();
    // From now on each MAIL gets 421.
    void refuse_mail();
    // Shuts every connection down.
    void close_all();

    // ---- libmilter's threads
    void adopted(std::uint64_t session, int descriptor) override;
    void lost(std::uint64_t session) override;
    void packet_begun(int descriptor) override;
    void packet_whole(int descriptor) override;
    void answered(int descriptor) override;
    void out_of_step(int descriptor, const char* why) override;
    void unserved(int descriptor) override;

  private:
    using Lock = std::unique_lock<std::mutex>;

    struct TimedOut {
        std::uint64_t session = 0;
        std::string peer;
        Stage stage = Stage::negotiate;
        const char* budget = "";
        bool closed = false;
    };

    [[nodiscard]] TimedOut expired(Session& session, const StageClock::Expired& what);
    void wake_if_earlier(Lock& lock);

    const SessionBoard& board_;
    scanning::Outbox& outbox_;
    const std::function<void()> earlier_;
    const log::Level level_;
    SessionTable table_;

    // Of the clock, of Session::past_budget and of what follows. Taken before the table's.
    mutable std::mutex mutex_;
    StageClock clock_;
    std::optional<Time> armed_;
    bool drain_ = false;
    bool refuse_mail_ = false;
    bool unfit_ = false; // the supervisor has heard of it
};

} // namespace evermilter::session
