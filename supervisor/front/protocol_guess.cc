// Protocol recognition: the milter packet first, then tables of first words. Looks at bytes only.
#include "supervisor/front/protocol_guess.h"

#include <algorithm>
#include <array>

namespace evermilter::supervisor {

namespace {

using Bytes = std::span<const unsigned char>;

constexpr std::size_t kLengthSize = 4;
constexpr std::uint32_t kNegotiationLength = kNegotiationSize - kLengthSize;
constexpr std::uint32_t kMinVersion = 2; // libmilter: SMFI_PROT_VERSION_MIN
constexpr std::uint32_t kMaxVersion = 6; // SMFI_PROT_VERSION
// MILTER_MDS_1M (mfdef.h), the largest chunk that can be negotiated, and its command byte.
constexpr std::uint32_t kMaxPacket = 1024 * 1024 + 1;
// The commands of an MTA (SMFIC_* of mfdef.h) but 'O'.
constexpr std::string_view kMilterCommands = "ABCDEHKLMNQRTU";

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
    Word{"proxy ", Protocol::proxy},
};
// clamd(8). In its own case: our own lower-case commands on the wrong socket are no clamd client's.
constexpr std::array<std::string_view, 15> kClamdWords = {
    "PING",         "VERSION",  "RELOAD", "STATS",     "SHUTDOWN", "SCAN ",    "CONTSCAN ", "MULTISCAN ",
    "ALLMATCHSCAN", "INSTREAM", "FILDES", "IDSESSION", "STREAM",   "RAWSCAN ", "END"};
constexpr std::string_view kProxy2("\r\n\r\n\0\r\nQUIT\n", 12); // the signature of PROXY protocol 2

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

std::uint32_t number_at(Bytes bytes, std::size_t offset) {
    return (static_cast<std::uint32_t>(bytes[offset]) << 24U) | (static_cast<std::uint32_t>(bytes[offset + 1]) << 16U) |
           (static_cast<std::uint32_t>(bytes[offset + 2]) << 8U) | static_cast<std::uint32_t>(bytes[offset + 3]);
}

// A packet whose first byte is 0, or whose five bytes are length and command of a milter.
Protocol guess_packet(Bytes bytes) {
    if (bytes.size() < kLengthSize) return Protocol::undecided;
    const std::uint32_t length = number_at(bytes, 0);
    if (length > kMaxPacket) return Protocol::oversized;
    if (length == 0) return Protocol::unknown;
    if (bytes.size() < kLengthSize + 1) return Protocol::undecided;
    const char command = static_cast<char>(bytes[kLengthSize]);
    if (command == 'O') {
        if (length != kNegotiationLength) return length > kNegotiationLength ? Protocol::oversized : Protocol::unknown;
        if (bytes.size() < kNegotiationSize) return Protocol::undecided;
        const std::uint32_t version = number_at(bytes, kLengthSize + 1);
        return version < kMinVersion || version > kMaxVersion ? Protocol::version : Protocol::negotiation;
    }
    return kMilterCommands.find(command) != std::string_view::npos ? Protocol::not_first : Protocol::unknown;
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
    if (consider(match_exactly(bytes, kProxy2))) return Protocol::proxy;
    if (undecided) return Protocol::undecided;
    // A length above 16 MiB in the first byte, and a milter's command: a milter packet gone wrong rather than text.
    const bool text = std::all_of(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(bytes.size(), kLengthSize)),
        [](unsigned char byte) { return byte >= 0x20 && byte < 0x7f; });
    if (text || bytes[0] == '\r' || bytes[0] == '\n') return Protocol::unknown;
    if (bytes.size() < kLengthSize + 1) return Protocol::undecided;
    const char command = static_cast<char>(bytes[kLengthSize]);
    return command == 'O' || kMilterCommands.find(command) != std::string_view::npos ? Protocol::oversized
                                                                                     : Protocol::unknown;
}

Protocol guess_final(Bytes bytes) noexcept {
    if (bytes.empty()) return Protocol::nothing;
    const Protocol guess = guess_protocol(bytes);
    if (guess != Protocol::undecided) return guess;
    return bytes[0] == 0 ? Protocol::incomplete : Protocol::unknown;
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
        case Protocol::not_first:
            return Refused::not_negotiation;
        case Protocol::version:
            return Refused::version;
        case Protocol::oversized:
            return Refused::oversized;
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
        case Protocol::smtp:
        case Protocol::http:
        case Protocol::tls:
        case Protocol::clamd:
        case Protocol::proxy:
        case Protocol::not_first:
        case Protocol::version:
        case Protocol::oversized:
        case Protocol::unknown:
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
            return "sends the PROXY protocol; switch it off for this server (HAProxy: no send-proxy)";
        case Protocol::not_first:
            return "sent a milter packet without the option negotiation before it";
        case Protocol::version:
            return "offers a milter protocol version outside 2 to 6 (Postfix: milter_protocol)";
        case Protocol::oversized:
            return "sent a packet length that no mail server sends";
        case Protocol::unknown:
            return "speaks no protocol that is known here";
    }
    return "";
}

} // namespace evermilter::supervisor
