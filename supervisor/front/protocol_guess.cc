// Protocol recognition: the milter packet first, then tables of first words. Looks at bytes only.
#include "supervisor/front/protocol_guess.h"

#include <algorithm>
#include <array>

#include "supervisor/front/proxy_header.h"
#include "workers/common/milter/packet.h"

namespace evermilter::supervisor {

namespace {

using Bytes = std::span<const unsigned char>;

using milter::kHeadBytes;
using milter::kLengthBytes;
constexpr std::size_t kNegotiationLength = milter::kNegotiationBytes - kLengthBytes;

// A command of a mail server.
bool is_command(char letter) {
    using namespace milter::command;
    constexpr std::array kCommands = {kAbort,     kBody,   kConnect, kMacros,  kEndOfMessage,
                                      kHelo,      kHeader, kMail,    kQuit,    kEndOfHeaders,
                                      kNegotiate, kRcpt,   kData,    kUnknown, kQuitNewConnection};
    return std::ranges::find(kCommands, letter) != kCommands.end();
}

std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Word {
    std::string_view text;
    Protocol protocol;
};
// Compared without regard to case, RFC 5321 section 2.4. A word followed by a blank here must have it.
constexpr std::array kWords = {
    Word{"ehlo", Protocol::smtp},      Word{"helo", Protocol::smtp},      Word{"lhlo", Protocol::smtp},
    Word{"mail from", Protocol::smtp}, Word{"noop", Protocol::smtp},      Word{"quit", Protocol::smtp},
    Word{"rset", Protocol::smtp},      Word{"help", Protocol::smtp},      Word{"starttls", Protocol::smtp},
    Word{"xclient ", Protocol::smtp},  Word{"xforward ", Protocol::smtp}, Word{"get ", Protocol::http},
    Word{"head ", Protocol::http},     Word{"post ", Protocol::http},     Word{"put ", Protocol::http},
    Word{"delete ", Protocol::http},   Word{"options ", Protocol::http},  Word{"connect ", Protocol::http},
    Word{"trace ", Protocol::http},    Word{"patch ", Protocol::http},    Word{"pri * http/2", Protocol::http},
    Word{"proxy ", Protocol::proxy},   Word{"from:", Protocol::axigen},   Word{"cnip:", Protocol::axigen},
    Word{"veri:", Protocol::axigen},
};
// clamd(8). In its own case: our own lower-case commands on the wrong socket are no clamd client's.
constexpr std::array<std::string_view, 15> kClamdWords = {
    "PING",         "VERSION",  "RELOAD", "STATS",     "SHUTDOWN", "SCAN ",    "CONTSCAN ", "MULTISCAN ",
    "ALLMATCHSCAN", "INSTREAM", "FILDES", "IDSESSION", "STREAM",   "RAWSCAN ", "END"};

enum class Match : std::uint8_t { no, so_far, yes };

unsigned char lower(unsigned char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<unsigned char>(byte - 'A' + 'a') : byte;
}

template <class Fold>
Match match(Bytes bytes, std::string_view word, Fold fold) {
    const std::size_t length = std::min(bytes.size(), word.size());
    for (std::size_t index = 0; index < length; ++index) {
        if (fold(bytes[index]) != static_cast<unsigned char>(word[index])) return Match::no;
    }
    return bytes.size() >= word.size() ? Match::yes : Match::so_far;
}

Match match_exactly(Bytes bytes, std::string_view word) {
    return match(bytes, word, [](unsigned char byte) { return byte; });
}

// A packet whose first byte is 0, or whose five bytes are length and command of a milter.
Protocol guess_packet(Bytes bytes) {
    const auto length = milter::number_at(text_of(bytes), 0);
    if (!length) return Protocol::undecided;
    if (*length > milter::kLargestLength) return Protocol::oversized;
    if (*length == 0) return Protocol::unknown;
    if (bytes.size() < kHeadBytes) return Protocol::undecided;
    const char command = text_of(bytes)[kLengthBytes];
    if (command != milter::command::kNegotiate) return is_command(command) ? Protocol::not_first : Protocol::unknown;
    if (*length != kNegotiationLength) return *length > kNegotiationLength ? Protocol::oversized : Protocol::unknown;
    const auto offer = milter::read_negotiation(text_of(bytes.subspan(kHeadBytes)));
    if (!offer) return Protocol::undecided;
    const bool spoken = offer->version >= milter::kLowestVersion && offer->version <= milter::kHighestVersion;
    return spoken ? Protocol::negotiation : Protocol::version;
}

} // namespace

Protocol guess_protocol(Bytes bytes) noexcept {
    if (bytes.empty()) return Protocol::undecided;
    if (bytes[0] == 0) return guess_packet(bytes);

    bool undecided = false;
    const auto consider = [&undecided](Match result) {
        undecided = undecided || result == Match::so_far;
        return result == Match::yes;
    };
    for (const std::string_view word : kClamdWords) {
        if (consider(match_exactly(bytes, word))) return Protocol::clamd;
        if ((bytes[0] == 'n' || bytes[0] == 'z') && consider(match_exactly(bytes.subspan(1), word))) {
            return Protocol::clamd;
        }
    }
    for (const Word& word : kWords) {
        if (consider(match(bytes, word.text, lower))) return word.protocol;
    }
    if (consider(match_exactly(bytes, "\x16\x03"))) return Protocol::tls; // handshake record, any version
    if (consider(match_exactly(bytes, kProxySignature))) return Protocol::proxy;
    if (undecided) return Protocol::undecided;
    // A length above 16 MiB in the first byte, and a milter's command: a milter packet gone wrong rather than text.
    const bool text = std::all_of(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(bytes.size(), kLengthBytes)),
        [](unsigned char byte) { return byte >= 0x20 && byte < 0x7f; });
    if (text || bytes[0] == '\r' || bytes[0] == '\n') return Protocol::unknown;
    if (bytes.size() < kHeadBytes) return Protocol::undecided;
    return is_command(text_of(bytes)[kLengthBytes]) ? Protocol::oversized : Protocol::unknown;
}

Protocol guess_final(Bytes bytes) noexcept {
    if (bytes.empty()) return Protocol::nothing;
    const Protocol guess = guess_protocol(bytes);
    if (guess != Protocol::undecided) return guess;
    return bytes[0] == 0 ? Protocol::incomplete : Protocol::unknown;
}

bool is_detection(Bytes negotiation) noexcept {
    constexpr milter::Negotiation kDetection{2, 0x7f, 0};
    if (negotiation.size() < milter::kNegotiationBytes) return false;
    return milter::read_negotiation(text_of(negotiation.subspan(kHeadBytes))) == kDetection;
}

Refused refused_for(Protocol protocol) noexcept {
    switch (protocol) {
        case Protocol::smtp:
            return Refused::smtp;
        case Protocol::http:
            return Refused::http;
        case Protocol::tls:
            return Refused::tls;
        case Protocol::clamd:
            return Refused::clamd;
        case Protocol::proxy:
            return Refused::proxy;
        case Protocol::axigen:
            return Refused::axigen;
        case Protocol::not_first:
            return Refused::not_negotiation;
        case Protocol::version:
            return Refused::version;
        case Protocol::oversized:
            return Refused::oversized;
        case Protocol::no_proxy_header:
        case Protocol::half_proxy_header:
            return Refused::proxy_missing;
        case Protocol::proxy_header_1:
            return Refused::proxy_text;
        case Protocol::bad_proxy_header:
        case Protocol::long_proxy_header:
            return Refused::proxy_malformed;
        case Protocol::undecided:
        case Protocol::negotiation:
        case Protocol::nothing:
        case Protocol::incomplete:
        case Protocol::unknown:
            break;
    }
    return Refused::unknown;
}

std::string_view protocol_name(Protocol protocol) noexcept {
    switch (protocol) {
        case Protocol::undecided:
            return "undecided";
        case Protocol::negotiation:
            return "negotiation";
        case Protocol::nothing:
            return "nothing";
        case Protocol::incomplete:
            return "incomplete";
        case Protocol::half_proxy_header:
            return "proxy_incomplete";
        case Protocol::smtp:
        case Protocol::http:
        case Protocol::tls:
        case Protocol::clamd:
        case Protocol::proxy:
        case Protocol::axigen:
        case Protocol::not_first:
        case Protocol::version:
        case Protocol::oversized:
        case Protocol::unknown:
        case Protocol::no_proxy_header:
        case Protocol::proxy_header_1:
        case Protocol::bad_proxy_header:
        case Protocol::long_proxy_header:
            break;
    }
    return refused_name(refused_for(protocol));
}

std::string_view protocol_remark(Protocol protocol) noexcept {
    switch (protocol) {
        case Protocol::undecided:
        case Protocol::negotiation:
            return "";
        case Protocol::nothing:
            return "connected and sent nothing at all (a port scanner, or a health check)";
        case Protocol::incomplete:
            return "sent the beginning of a milter negotiation and no more";
        case Protocol::smtp:
            return "speaks SMTP; this is a milter socket, mail is sent to the mail server";
        case Protocol::http:
            return "speaks HTTP; this is a milter socket";
        case Protocol::tls:
            return "speaks TLS; milter connections are not encrypted";
        case Protocol::clamd:
            return "speaks clamd's protocol; this is a milter socket, clamd's words are answered by status.socket";
        case Protocol::proxy:
            return "sends a PROXY header, but proxy is not set for this listener; set it, or switch the header off "
                   "(HAProxy: no send-proxy)";
        case Protocol::axigen:
            return "speaks Axigen's filter protocol; its milter filter speaks to this socket";
        case Protocol::not_first:
            return "sent a milter packet without the option negotiation before it";
        case Protocol::version:
            return "offers a milter protocol version outside 2 to 6 (Postfix: milter_protocol)";
        case Protocol::oversized:
            return "sent a packet length that no mail server sends";
        case Protocol::unknown:
            return "speaks no protocol that is known here";
        case Protocol::no_proxy_header:
            return "sent no PROXY header, with which each connection to a listener with proxy begins (HAProxy: "
                   "send-proxy-v2)";
        case Protocol::half_proxy_header:
            return "sent the beginning of a PROXY header and no more";
        case Protocol::proxy_header_1:
            return "sent a PROXY header of version 1, which is not understood here; set version 2 (HAProxy: "
                   "send-proxy-v2)";
        case Protocol::bad_proxy_header:
            return "sent a PROXY header that is malformed, or of another version than 2, or for no TCP connection";
        case Protocol::long_proxy_header:
            return "sent a PROXY header of more than 4096 bytes behind its start";
    }
    return "";
}

} // namespace evermilter::supervisor
