#include "workers/session/libmilter/packet_peek.h"

#include <libmilter/mfdef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace evermilter::session {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kHead = kLengthBytes + 1;

// In network order.
std::uint32_t number_at(const unsigned char* bytes) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i) number = number << 8U | bytes[i];
    return number;
}

// As recv(2), which is not interrupted; takes nothing and never blocks.
ssize_t peek(int descriptor, unsigned char* bytes, std::size_t size) {
    ssize_t got = 0;
    do got = ::recv(descriptor, bytes, size, MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}

} // namespace

PacketLook judge_packet(const unsigned char* head, std::size_t head_size, std::size_t available) {
    PacketLook look;
    look.available = available;
    if (available == 0) return look;
    look.state = PacketLook::State::partial;
    if (head_size < kHead) return look;
    look.command = static_cast<char>(head[kLengthBytes]);
    const std::size_t length = number_at(head);
    look.length = length;
    // A length of 0 is read as one of 1: libmilter always takes the command byte.
    const std::size_t packet = kLengthBytes + std::max<std::size_t>(length, 1);
    if (length > kPacketMost || available >= std::min(packet, kPacketHold)) look.state = PacketLook::State::whole;
    return look;
}

PacketLook look_at_packet(int descriptor) {
    std::array<unsigned char, kHead> head{};
    const ssize_t got = peek(descriptor, head.data(), head.size());
    PacketLook look;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return look;
    int available = 0;
    if (got <= 0 || ::ioctl(descriptor, FIONREAD, &available) != 0) {
        look.state = PacketLook::State::ended;
        return look;
    }
    const auto seen = static_cast<std::size_t>(got);
    return judge_packet(head.data(), seen, std::max(seen, static_cast<std::size_t>(std::max(available, 0))));
}

bool holds_only(int descriptor, char command) {
    std::array<unsigned char, kHeldMost> bytes{};
    const ssize_t got = peek(descriptor, bytes.data(), bytes.size());
    int available = 0;
    // There may be more than a look shows.
    if (got <= 0 || ::ioctl(descriptor, FIONREAD, &available) != 0 || available != got) return false;
    const auto size = static_cast<std::size_t>(got);
    std::size_t at = 0;
    while (size - at >= kHead) {
        const std::size_t length = number_at(&bytes.at(at));
        if (static_cast<char>(bytes.at(at + kLengthBytes)) != command || length == 0) return false;
        if (length > size - at - kLengthBytes) return false;
        at += kLengthBytes + length;
    }
    return at == size && size < kHeldMost;
}

UnreadRest look_at_rest(int descriptor) {
    std::vector<unsigned char> bytes(64UL * 1024);
    const ssize_t got = peek(descriptor, bytes.data(), bytes.size());
    UnreadRest rest;
    const std::size_t size = got > 0 ? static_cast<std::size_t>(got) : 0;
    for (std::size_t at = 0; size - at >= kHead;) {
        const std::size_t length = std::max<std::size_t>(number_at(&bytes.at(at)), 1);
        if (length > size - at - kLengthBytes) break;
        const auto command = static_cast<char>(bytes.at(at + kLengthBytes));
        rest.quit = command == SMFIC_QUIT;
        rest.abort = rest.abort || command == SMFIC_ABORT;
        rest.headers = rest.headers || command == SMFIC_HEADER;
        rest.body = rest.body || command == SMFIC_EOH || command == SMFIC_BODY || command == SMFIC_BODYEOB;
        if (command == SMFIC_HEADER) rest.bytes += length; // two NULs for a colon and CRLF
        if (command == SMFIC_BODY || command == SMFIC_BODYEOB) rest.bytes += length - 1;
        at += kLengthBytes + length;
    }
    return rest;
}

bool offers_no_replies(int descriptor) {
    // Length, command, version, actions, protocol (libmilter/engine.c, st_optionneg).
    constexpr std::size_t kProtocolAt = kHead + 8;
    constexpr std::uint32_t kNoReplies = SMFIP_NR_HDR | SMFIP_NR_BODY;
    std::array<unsigned char, kProtocolAt + 4> offer{};
    const ssize_t got = peek(descriptor, offer.data(), offer.size());
    return got == static_cast<ssize_t>(offer.size()) && offer.at(kLengthBytes) == SMFIC_OPTNEG &&
           (number_at(&offer.at(kProtocolAt)) & kNoReplies) == kNoReplies;
}

} // namespace evermilter::session
