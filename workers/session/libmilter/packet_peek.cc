#include "workers/session/libmilter/packet_peek.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "workers/common/milter/packet.h"

namespace evermilter::session {
namespace {

using milter::kHeadBytes;
using milter::kLengthBytes;
namespace command = milter::command;

// What is there of the first bytes of a buffer, which stay there. Empty also where the peer has closed, with errno 0,
// and where the connection is broken. Never blocks.
template <class Buffer>
std::string_view peek(int descriptor, Buffer& buffer) {
    ssize_t got = 0;
    errno = 0;
    do got = ::recv(descriptor, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

// How many bytes there are; empty where the kernel does not know.
std::optional<std::size_t> available_at(int descriptor) {
    int available = 0;
    if (::ioctl(descriptor, FIONREAD, &available) != 0) return std::nullopt;
    return static_cast<std::size_t>(std::max(available, 0));
}

} // namespace

PacketLook judge_packet(std::string_view head, std::size_t available) {
    PacketLook look;
    look.available = available;
    if (available == 0) return look;
    look.state = PacketLook::State::partial;
    if (head.size() < kHeadBytes) return look;
    look.command = head[kLengthBytes];
    look.length = milter::number_at(head, 0).value_or(0);
    // A length of 0 is read as one of 1: libmilter always takes the command byte.
    const std::size_t packet = kLengthBytes + std::max<std::size_t>(look.length, 1);
    if (look.length > milter::kLargestLength || available >= std::min(packet, kPacketHold))
        look.state = PacketLook::State::whole;
    return look;
}

PacketLook look_at_packet(int descriptor) {
    std::array<char, kHeadBytes> buffer{};
    const std::string_view head = peek(descriptor, buffer);
    PacketLook look;
    if (head.empty() && (errno == EAGAIN || errno == EWOULDBLOCK)) return look;
    const auto available = available_at(descriptor);
    if (head.empty() || !available) {
        look.state = PacketLook::State::ended;
        return look;
    }
    return judge_packet(head, std::max(head.size(), *available));
}

bool holds_only(int descriptor, char command) {
    std::array<char, kHeldMost> buffer{};
    std::string_view bytes = peek(descriptor, buffer);
    // There may be more than a look shows.
    if (bytes.empty() || bytes.size() == kHeldMost || available_at(descriptor) != bytes.size()) return false;
    while (!bytes.empty()) {
        const milter::Parsed parsed = milter::parse_packet(bytes);
        if (parsed.state != milter::Parsed::State::whole || parsed.packet.command != command) return false;
        bytes.remove_prefix(parsed.size);
    }
    return true;
}

UnreadRest look_at_rest(int descriptor) {
    std::vector<char> buffer(64UL * 1024);
    std::string_view bytes = peek(descriptor, buffer);
    UnreadRest rest;
    for (;;) {
        const milter::Parsed parsed = milter::parse_packet(bytes);
        if (parsed.state != milter::Parsed::State::whole) return rest;
        const std::size_t data = parsed.packet.data.size();
        rest.quit = false;
        switch (parsed.packet.command) {
            case command::kQuit:
                rest.quit = true;
                break;
            case command::kAbort:
                rest.abort = true;
                break;
            case command::kHeader:
                rest.headers = true;
                rest.bytes += data + 1; // two NULs for a colon and CRLF
                break;
            case command::kBody:
            case command::kEndOfMessage:
                rest.bytes += data;
                rest.body = true;
                break;
            case command::kEndOfHeaders:
                rest.body = true;
                break;
            default:
                break;
        }
        bytes.remove_prefix(parsed.size);
    }
}

bool offers_no_replies(int descriptor) {
    constexpr std::uint32_t kNoReplies = milter::step::kNoReplyHeader | milter::step::kNoReplyBody;
    std::array<char, milter::kNegotiationBytes> buffer{};
    const std::string_view offer = peek(descriptor, buffer);
    if (offer.size() < buffer.size() || offer[kLengthBytes] != command::kNegotiate) return false;
    const auto negotiation = milter::read_negotiation(offer.substr(kHeadBytes));
    return negotiation && (negotiation->steps & kNoReplies) == kNoReplies;
}

} // namespace evermilter::session
