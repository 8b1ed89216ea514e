#include "workers/session/session_end.h"

#include <libmilter/mfdef.h>

#include <utility>

namespace evermilter::session {
namespace {

const char* command_name(char command) {
    switch (command) {
        case SMFIC_OPTNEG:
            return "negotiation";
        case SMFIC_MACRO:
            return "macros";
        case SMFIC_CONNECT:
            return "connect";
        case SMFIC_HELO:
            return "HELO";
        case SMFIC_MAIL:
            return "MAIL";
        case SMFIC_RCPT:
            return "RCPT";
        case SMFIC_DATA:
            return "DATA";
        case SMFIC_HEADER:
            return "header";
        case SMFIC_EOH:
            return "end of headers";
        case SMFIC_BODY:
            return "body";
        case SMFIC_BODYEOB:
            return "end of message";
        case SMFIC_UNKNOWN:
            return "unknown SMTP command";
        default:
            return "unknown";
    }
}

std::string refused_packet(const EndFacts& facts) {
    const std::string packet =
        std::string(command_name(facts.command)) + " packet of " + std::to_string(facts.packet) + " bytes";
    // The length counts the command's letter.
    if (facts.packet > kDataMost + 1) return packet + ", more than the " + std::to_string(kDataMost) + " of libmilter";
    return packet + " that libmilter cannot parse";
}

} // namespace

void add_rest(const UnreadRest& rest, EndFacts& facts) {
    if (facts.message) {
        facts.message->bytes += rest.bytes;
        const Stage stage = rest.body ? Stage::body : Stage::header;
        if ((rest.body || rest.headers) && facts.message->stage < stage) facts.message->stage = stage;
        if (rest.abort) facts.aborted = std::exchange(facts.message, std::nullopt);
    }
    if (rest.quit) facts.command = SMFIC_QUIT;
}

SessionEnd end_of(const EndFacts& facts) {
    SessionEnd end;
    const bool quit = facts.command == SMFIC_QUIT || facts.command == SMFIC_QUIT_NC;
    // A message that was given up before its upload is the everyday end of one that a recipient refused.
    const bool aborted_upload = facts.aborted && facts.aborted->stage >= Stage::data;
    end.stage = facts.stage;
    const auto in = [&](const Unfinished& message) {
        end.stage = message.stage;
        end.bytes = message.bytes;
        end.queue_id = message.queue_id;
        end.sender = message.sender;
    };
    if (facts.message) in(*facts.message);
    if (facts.closed_for != nullptr) {
        end.reason = facts.closed_for;
    } else if (facts.command == '\0') {
        end.reason = "the mail server closed the connection";
    } else if (!quit) {
        end.reason = refused_packet(facts);
    } else if (facts.message) {
        end.reason = "QUIT within a message";
    } else if (aborted_upload) {
        end.reason = "the mail server aborted a message";
        in(*facts.aborted);
    } else {
        end.well = true;
        end.reason = "QUIT";
    }
    return end;
}

} // namespace evermilter::session
