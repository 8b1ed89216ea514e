// The budgets of sessions (timeouts.*): which deadline a session is under, and which are over. One ordered set of
// deadlines for all sessions, so the caller needs one timer. Pure: the time is handed in. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "workers/common/shared/stage.h"

namespace evermilter::session {

// What has run out.
enum class Budget : std::uint8_t {
    stage,     // the stage's own timeout: close
    packet,    // timeouts.packet, the rest of a packet that has begun: close
    session,   // timeouts.session: 421 at the next MAIL
    last_mail, // no MAIL within timeouts.mail after timeouts.session: close
};

class StageClock {
  public:
    using Time = std::chrono::steady_clock::time_point;

    struct Expired {
        std::uint64_t session = 0;
        Budget budget = Budget::stage;
        Stage stage = Stage::negotiate; // in which the session is
        bool operator==(const Expired&) const = default;
    };

    explicit StageClock(const config::Timeouts& timeouts) : timeouts_(timeouts) {}

    // A connection was handed over: stage negotiate, timeouts.session begins. Precondition: the id is new.
    void begin(std::uint64_t session, Time now);
    // A further SMTP session on the same connection (SMFIC_QUIT_NC): stage connect, timeouts.session begins again.
    void begin_again(std::uint64_t session, Time now);
    // The session waits for `stage` now. A stage that waits for one command (helo, mail, rcpt) begins again with each;
    // for the others entering the same stage again changes nothing, so headers and chunks extend no budget.
    // `budget_of` names another stage whose timeout is to be used (an MTA without SMFIC_DATA uploads in `rcpt`).
    // Returns the time at which the stage began. Stage eom ends when its answer has been written.
    Time enter(std::uint64_t session, Stage stage, Time now) { return enter(session, stage, now, stage); }
    Time enter(std::uint64_t session, Stage stage, Time now, Stage budget_of);
    // The first bytes of a packet have come / the packet is whole. Further bytes extend nothing: a second
    // begin_packet changes nothing.
    void begin_packet(std::uint64_t session, Time now);
    void end_packet(std::uint64_t session);
    // Forgets the session; an unknown id is no error (every function ignores one).
    void end(std::uint64_t session);

    // The earliest deadline.
    [[nodiscard]] std::optional<Time> next() const;
    // All whose deadline is at or before `now`, earliest first. Each is reported once.
    [[nodiscard]] std::vector<Expired> expire(Time now);

    [[nodiscard]] std::chrono::milliseconds budget(Stage stage) const noexcept;

  private:
    struct Entry {
        Stage stage = Stage::negotiate;
        Time since;
        bool past_session = false; // timeouts.session is over
        std::optional<Time> of_stage;
        std::optional<Time> of_packet;
        std::optional<Time> of_session;
        std::optional<Time> of_last_mail;
    };
    using Deadline = std::tuple<Time, std::uint64_t, Budget>;

    static std::optional<Time>& slot(Entry& entry, Budget budget);
    void set(std::uint64_t session, Entry& entry, Budget budget, std::optional<Time> deadline);

    config::Timeouts timeouts_;
    std::unordered_map<std::uint64_t, Entry> entries_;
    std::set<Deadline> deadlines_;
};

} // namespace evermilter::session
