#include "workers/session/packet_gate.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace evermilter::session {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kHead = kLengthBytes + 1;

} // namespace

PacketLook judge_packet(const unsigned char* head, std::size_t head_size, std::size_t available) {
    PacketLook look;
    look.available = available;
    if (available == 0) return look;
    look.state = PacketLook::State::partial;
    if (head_size < kHead) return look;
    look.command = static_cast<char>(head[kLengthBytes]);
    std::size_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i) length = length << 8U | head[i];
    // A length of 0 is read as one of 1: libmilter always takes the command byte.
    const std::size_t packet = kLengthBytes + std::max<std::size_t>(length, 1);
    if (length > kPacketMost || available >= std::min(packet, kPacketHold)) look.state = PacketLook::State::whole;
    return look;
}

PacketLook look_at_packet(int descriptor) {
    std::array<unsigned char, kHead> head{};
    ssize_t got = 0;
    do got = ::recv(descriptor, head.data(), head.size(), MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
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

} // namespace evermilter::session
