// The stages of a milter session: what it waits for. Budgets, counters and the status use the same names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace evermilter {

enum class Stage : std::uint8_t {
    negotiate, // the MTA's option negotiation, before hand-over
    connect,   // after the negotiation
    helo,
    mail, // also between messages
    rcpt, // after MAIL, and after a RCPT until DATA
    data, // after DATA until the first header
    header,
    body, // after the end of the headers
    eom,  // our answer
};

inline constexpr std::size_t kStages = 9;
inline constexpr std::array<const char*, kStages> kStageNames = {"negotiate", "connect", "helo", "mail", "rcpt",
                                                                 "data",      "header",  "body", "eom"};

[[nodiscard]] constexpr const char* stage_name(Stage stage) noexcept {
    return kStageNames[static_cast<std::size_t>(stage)];
}

// What a session can run out of: the time of a stage, of a packet that has begun (timeouts.packet), of the whole
// session (timeouts.session).
enum class Timeout : std::uint8_t { negotiate, connect, helo, mail, rcpt, data, header, body, eom, packet, session };

inline constexpr std::size_t kTimeouts = kStages + 2;
inline constexpr std::array<const char*, kTimeouts> kTimeoutNames = {
    "negotiate", "connect", "helo", "mail", "rcpt", "data", "header", "body", "eom", "packet", "session"};

// The time of a stage.
[[nodiscard]] constexpr Timeout timeout_of(Stage stage) noexcept {
    return static_cast<Timeout>(stage);
}
static_assert(timeout_of(Stage::eom) == Timeout::eom);

} // namespace evermilter
