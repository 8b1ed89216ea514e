// How a session ended, in words for its one line in the log. Most end with QUIT and nothing is logged; the others are
// what an operator looks for when a mail server complains. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "workers/common/shared/stage.h"
#include "workers/session/libmilter/packet_peek.h"

namespace evermilter::session {

// A message that was not answered: it was aborted, or the session ended in it.
struct Unfinished {
    Stage stage = Stage::mail; // what it waited for
    std::uint64_t bytes = 0;   // of headers and body, as far as they came
    std::string queue_id = {};
    std::string sender = {};
};

// Why a session is closed whose mail server has taken no byte of an answer for timeouts.packet.
inline constexpr const char* kReadsNothing = "the mail server reads no answers";

// What is known when libmilter closes a session.
struct EndFacts {
    const char* closed_for = nullptr;  // why the connection was shut down here; nullptr: it was not
    char command = '\0';               // SMFIC_ letter of the packet that ended it; '\0': the connection ended
    std::size_t packet = 0;            // its length, as it says itself
    Stage stage = Stage::mail;         // what the session waited for
    std::optional<Unfinished> message; // being received
    std::optional<Unfinished> aborted; // the last one that the mail server gave up
};

struct SessionEnd {
    bool well = false; // nothing to log
    std::string reason;
    Stage stage = Stage::mail;
    std::uint64_t bytes = 0;
    std::string queue_id;
    std::string sender;
};

// What libmilter has not read of a connection that has hung up (packet_peek.h) is a part of the story.
void add_rest(const UnreadRest& rest, EndFacts& facts);

[[nodiscard]] SessionEnd end_of(const EndFacts& facts);

} // namespace evermilter::session
