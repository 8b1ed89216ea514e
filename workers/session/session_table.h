// All sessions of this worker: found by libmilter's descriptor, timed by the stage clock, shown on the scoreboard.
// It closes those whose budget is over (shutdown(2) on a descriptor of its own, which ends the session in
// libmilter with abort and close called) and tells the supervisor of each end. Any thread, unless said.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "config/config.h"
#include "workers/common/base/log.h"
#include "workers/common/ipc/messages.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanning/memory_budget.h"
#include "workers/scanning/outbox.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/session.h"
#include "workers/session/stage_clock.h"

namespace evermilter::session {

// Why a MAIL is answered with 421.
enum class MailRefusal : std::uint8_t { none, past_session_budget, draining };

class SessionTable final : public libmilter::Events {
  public:
    using Time = StageClock::Time;

    // `level` is that of the lines that say how a session ended.
    // `earlier` is called when a deadline earlier than all before has come up: the caller's timer is to be set anew.
    // All references must outlive the table.
    SessionTable(const config::Timeouts& timeouts, const SessionBoard& board, const scanning::StoreSettings& store,
                 scanning::MemoryBudget& memory, scanning::Outbox& outbox, std::function<void()> earlier,
                 log::LogLevel level = log::LogLevel::info);

    [[nodiscard]] log::LogLevel level() const noexcept { return level_; }

    // A HandOver: the session begins in stage negotiate. The connection stays the caller's. An Error means that it
    // cannot be served; its end has been told then.
    [[nodiscard]] Result<std::shared_ptr<Session>> open(const messages::HandOver& hand_over);

    // The session of libmilter's descriptor; empty for one that has ended.
    [[nodiscard]] std::shared_ptr<Session> find(int descriptor) const noexcept;

    // The session waits for `stage` now; `budget_of` as in StageClock::enter.
    void enter(Session& session, Stage stage) { enter(session, stage, stage); }
    void enter(Session& session, Stage stage, Stage budget_of);
    // For the scoreboard.
    void show_generation(const Session& session, std::uint64_t generation);
    void show_queue_id(const Session& session);

    [[nodiscard]] MailRefusal mail_refusal(const Session& session) const;
    // SMFIC_QUIT_NC: the next SMTP session on the same connection, in stage connect. False where there is to be none:
    // the worker is to end, or timeouts.session is over; the connection is shut down then.
    [[nodiscard]] bool begin_again(Session& session);
    // The connection is closed, or about to be. Idempotent.
    void end(Session& session);
    // Nobody reads an answer any more: the connection was shut down here, or the MTA has hung up.
    [[nodiscard]] bool abandoned(const Session& session) const;
    // The MTA is there, and has no room for an answer. False where the connection was shut down here.
    [[nodiscard]] bool reads_nothing(const Session& session) const;
    // Shuts the connection down. `why` is a constant.
    void give_up(Session& session, const char* why) noexcept;
    // What the session waits for, and why its connection was shut down here (nullptr: it was not).
    [[nodiscard]] Stage stage_of(const Session& session) const;
    [[nodiscard]] const char* closed_for(const Session& session) const;
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
    [[nodiscard]] std::size_t size() const;

    // libmilter::Events
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

    void shut_down(Session& session, const char* why);
    [[nodiscard]] TimedOut expired(Session& session, const StageClock::Expired& what);
    void wake_if_earlier(Lock& lock);

    const SessionBoard& board_;
    const scanning::StoreSettings& store_;
    scanning::MemoryBudget& memory_;
    scanning::Outbox& outbox_;
    const std::function<void()> earlier_;
    const log::LogLevel level_;

    mutable std::mutex mutex_;
    StageClock clock_;
    std::unordered_map<std::uint64_t, std::shared_ptr<Session>> by_id_;
    std::unordered_map<int, std::shared_ptr<Session>> by_descriptor_;
    std::optional<Time> armed_;
    bool drain_ = false;
    bool refuse_mail_ = false;
    bool unfit_ = false;
};

} // namespace evermilter::session
