#include "workers/session/stage_clock.h"

#include <array>

namespace evermilter::session {
namespace {

// A stage that waits for one command of the client: each command is a new wait.
bool waits_for_a_command(Stage stage) {
    return stage == Stage::helo || stage == Stage::mail || stage == Stage::rcpt;
}

// A message is on its way; its stages have budgets that nothing extends.
bool in_content(Stage stage) {
    return stage >= Stage::data;
}

} // namespace

std::chrono::milliseconds StageClock::budget(Stage stage) const noexcept {
    switch (stage) {
        case Stage::negotiate:
            return timeouts_.negotiate;
        case Stage::connect:
            return timeouts_.connect;
        case Stage::helo:
            return timeouts_.helo;
        case Stage::mail:
            return timeouts_.mail;
        case Stage::rcpt:
            return timeouts_.rcpt;
        case Stage::data:
            return timeouts_.data;
        case Stage::header:
            return timeouts_.header;
        case Stage::body:
            return timeouts_.body;
        case Stage::eom:
            return timeouts_.eom;
    }
    return timeouts_.negotiate;
}

std::optional<StageClock::Time>& StageClock::slot(Entry& entry, Budget budget) {
    switch (budget) {
        case Budget::stage:
            return entry.of_stage;
        case Budget::packet:
            return entry.of_packet;
        case Budget::session:
            return entry.of_session;
        case Budget::last_mail:
            return entry.of_last_mail;
    }
    return entry.of_stage;
}

void StageClock::set(std::uint64_t session, Entry& entry, Budget budget, std::optional<Time> deadline) {
    std::optional<Time>& place = slot(entry, budget);
    if (place) deadlines_.erase(Deadline{*place, session, budget});
    place = deadline;
    if (place) deadlines_.emplace(*place, session, budget);
}

void StageClock::begin(std::uint64_t session, Time now) {
    Entry& entry = entries_[session];
    entry.stage = Stage::negotiate;
    entry.since = now;
    set(session, entry, Budget::stage, now + timeouts_.negotiate);
    set(session, entry, Budget::session, now + timeouts_.session);
}

void StageClock::begin_again(std::uint64_t session, Time now) {
    const auto found = entries_.find(session);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    entry.past_session = false;
    set(session, entry, Budget::session, now + timeouts_.session);
    set(session, entry, Budget::last_mail, std::nullopt);
    enter(session, Stage::connect, now);
}

StageClock::Time StageClock::enter(std::uint64_t session, Stage stage, Time now, Stage budget_of) {
    const auto found = entries_.find(session);
    if (found == entries_.end()) return now;
    Entry& entry = found->second;
    if (entry.stage == stage && !waits_for_a_command(stage)) return entry.since;
    const bool message_over = in_content(entry.stage) && !in_content(stage);
    entry.stage = stage;
    entry.since = now;
    set(session, entry, Budget::stage, now + budget(budget_of));
    // Past timeouts.session a message that is being received is finished, and then one more MAIL is waited for.
    if (entry.past_session && in_content(stage)) set(session, entry, Budget::last_mail, std::nullopt);
    if (entry.past_session && message_over) set(session, entry, Budget::last_mail, now + timeouts_.mail);
    return entry.since;
}

void StageClock::begin_packet(std::uint64_t session, Time now) {
    const auto found = entries_.find(session);
    if (found == entries_.end() || found->second.of_packet) return;
    set(session, found->second, Budget::packet, now + timeouts_.packet);
}

void StageClock::end_packet(std::uint64_t session) {
    const auto found = entries_.find(session);
    if (found != entries_.end()) set(session, found->second, Budget::packet, std::nullopt);
}

void StageClock::end(std::uint64_t session) {
    const auto found = entries_.find(session);
    if (found == entries_.end()) return;
    for (const Budget budget : std::array{Budget::stage, Budget::packet, Budget::session, Budget::last_mail})
        set(session, found->second, budget, std::nullopt);
    entries_.erase(found);
}

std::optional<StageClock::Time> StageClock::next() const {
    if (deadlines_.empty()) return std::nullopt;
    return std::get<Time>(*deadlines_.begin());
}

std::vector<StageClock::Expired> StageClock::expire(Time now) {
    std::vector<Expired> expired;
    while (!deadlines_.empty() && std::get<Time>(*deadlines_.begin()) <= now) {
        const auto [time, session, budget] = *deadlines_.begin();
        Entry& entry = entries_.at(session);
        set(session, entry, budget, std::nullopt);
        expired.push_back({session, budget, entry.stage});
        if (budget != Budget::session) continue;
        entry.past_session = true;
        if (!in_content(entry.stage)) set(session, entry, Budget::last_mail, now + timeouts_.mail);
    }
    return expired;
}

} // namespace evermilter::session
