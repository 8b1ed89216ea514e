// One end of an AF_UNIX SOCK_SEQPACKET pair between two of our processes: typed messages, descriptors, EOF.
// The descriptor may be blocking or not; a channel never waits on a non-blocking one: what cannot be sent at
// once is kept, in order, up to a bound. Not thread-safe: one thread owns a channel.
#pragma once

#include <sys/types.h>

#include <deque>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/codec.h"

namespace evermilter {

// Both ends CLOEXEC; non-blocking as asked. SOCK_SEQPACKET, because SOCK_DGRAM gives no EOF (measured).
enum class Blocking { no, yes };
[[nodiscard]] Result<std::pair<unique_fd, unique_fd>> seqpacket_pair(Blocking first, Blocking second);

// What a receive gave: a message of one direction, or a packet that is not decoded yet.
enum class ReceivedKind { message, would_block, end };
template <class Content>
struct Received {
    using Kind = ReceivedKind;
    Kind kind = Kind::would_block;
    Content message = {}; // only for Kind::message
    pid_t sender = 0;     // of SCM_CREDENTIALS where SO_PASSCRED is set on the descriptor, else 0
};

// Sends one message on `fd` with sendmsg(2) and MSG_NOSIGNAL. Errors: EAGAIN (would block), EPIPE, ETOOMANYREFS …
[[nodiscard]] Result<void> send_packet(int fd, const codec::Packet& packet);
template <class Messages>
[[nodiscard]] Result<void> send_message(int fd, std::type_identity_t<Messages> message) {
    auto packet = codec::encode<Messages>(std::move(message));
    if (!packet) return std::move(packet).error();
    return send_packet(fd, *packet);
}

// Receives one packet from `fd`. EOF is Kind::end; a reset is so only after all that the peer had sent. A packet that
// does not decode, or whose descriptors were cut off (MSG_CTRUNC), is an Error with EBADMSG; its descriptors are
// closed.
// The content of a packet, in the receiving thread's buffer until its next receive.
struct RawPacket {
    std::span<const std::byte> bytes;
    std::vector<unique_fd> descriptors;
};
[[nodiscard]] Result<Received<RawPacket>> receive_packet(int fd);

template <class Messages>
[[nodiscard]] Result<Received<Messages>> receive_message(int fd) {
    auto packet = receive_packet(fd);
    if (!packet) return std::move(packet).error();
    Received<Messages> received;
    received.kind = packet->kind;
    received.sender = packet->sender;
    if (received.kind != ReceivedKind::message) return received;
    auto message = codec::decode<Messages>(packet->message.bytes, std::move(packet->message.descriptors));
    if (!message) return std::move(message).error();
    received.message = std::move(*message);
    return received;
}

// What goes out on a channel: packets, sent or kept. Of no direction; Channel is.
class PacketChannel {
  public:
    // The most messages kept while the peer does not read. Past it send() fails with ENOBUFS.
    static constexpr std::size_t kMaxQueued = 4096;

    PacketChannel() = default;
    explicit PacketChannel(unique_fd fd) : fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }
    void close() noexcept;

    // Sends now or keeps for flush(). An Error means that the peer is gone or hopelessly behind. What it said before is
    // still there to be received: read up to Kind::end where its last words matter, then close the channel.
    [[nodiscard]] Result<void> send_packet(codec::Packet packet);
    // Sends what was kept, as far as it goes. Call when the descriptor is writable.
    [[nodiscard]] Result<void> flush();
    [[nodiscard]] bool wants_write() const noexcept { return !queued_.empty(); }

  private:
    unique_fd fd_;
    std::deque<codec::Packet> queued_;
};

// A channel whose other end says `Receives` and hears `Sends`: nothing else can be sent, nothing else is taken.
template <class Receives, class Sends>
class Channel : public PacketChannel {
  public:
    using PacketChannel::PacketChannel;

    // As send_packet().
    [[nodiscard]] Result<void> send(Sends message) {
        auto packet = codec::encode<Sends>(std::move(message));
        if (!packet) return std::move(packet).error();
        return send_packet(std::move(*packet));
    }
    [[nodiscard]] Result<Received<Receives>> receive() { return receive_message<Receives>(fd()); }
};

} // namespace evermilter
