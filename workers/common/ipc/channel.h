// One end of an AF_UNIX SOCK_SEQPACKET pair between two of our processes: typed messages, descriptors, EOF.
// The descriptor may be blocking or not; a Channel never waits on a non-blocking one: what cannot be sent at
// once is kept, in order, up to a bound. Not thread-safe: one thread owns a Channel.
#pragma once

#include <sys/types.h>

#include <deque>
#include <optional>
#include <utility>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/codec.h"
#include "workers/common/ipc/messages.h"

namespace evermilter {

// Both ends CLOEXEC; non-blocking as asked. SOCK_SEQPACKET, because SOCK_DGRAM gives no EOF (measured).
enum class Blocking { no, yes };
[[nodiscard]] Result<std::pair<unique_fd, unique_fd>> seqpacket_pair(Blocking first, Blocking second);

// What a receive gave.
struct Received {
    enum class Kind { message, would_block, end };
    Kind kind = Kind::would_block;
    messages::Message message; // only for Kind::message
    pid_t sender = 0;          // of SCM_CREDENTIALS where SO_PASSCRED is set on the descriptor, else 0
};

// Sends one message on `fd` with sendmsg(2) and MSG_NOSIGNAL. Errors: EAGAIN (would block), EPIPE, ETOOMANYREFS …
[[nodiscard]] Result<void> send_packet(int fd, const codec::Packet& packet);
[[nodiscard]] Result<void> send_message(int fd, messages::Message message);

// Receives one packet from `fd`. EOF is Kind::end; a reset is so only after all that the peer had sent. A packet that
// does not decode, or whose descriptors were cut off (MSG_CTRUNC), is an Error with EBADMSG; its descriptors are
// closed.
[[nodiscard]] Result<Received> receive_message(int fd);

class Channel {
  public:
    // The most messages kept while the peer does not read. Past it send() fails with ENOBUFS.
    static constexpr std::size_t kMaxQueued = 4096;

    Channel() = default;
    explicit Channel(unique_fd fd) : fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }
    void close() noexcept;

    // Sends now or keeps for flush(). An Error means that the peer is gone or hopelessly behind. What it said before is
    // still there to be received: read up to Kind::end where its last words matter, then close the channel.
    [[nodiscard]] Result<void> send(messages::Message message);
    // Sends what was kept, as far as it goes. Call when the descriptor is writable.
    [[nodiscard]] Result<void> flush();
    [[nodiscard]] bool wants_write() const noexcept { return !queued_.empty(); }

    [[nodiscard]] Result<Received> receive() { return receive_message(fd_.get()); }

  private:
    unique_fd fd_;
    std::deque<codec::Packet> queued_;
};

} // namespace evermilter
