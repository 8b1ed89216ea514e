// What the dispatcher asks of the connections' sockets. An interface, so that tests need none.
#pragma once

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/session/libmilter/connection_state.h"
#include "workers/session/libmilter/packet_peek.h"

namespace evermilter::session::libmilter {

class Sockets {
  public:
    Sockets() = default;
    Sockets(const Sockets&) = delete;
    Sockets& operator=(const Sockets&) = delete;
    virtual ~Sockets() = default;

    // As look_at_packet() and holds_only() of packet_peek.h.
    [[nodiscard]] virtual PacketLook look(int descriptor) = 0;
    [[nodiscard]] virtual bool holds_only(int descriptor, char command) = 0;
    // Bytes and the end of the connection are reported from now on; what is there already is reported once. False if
    // the kernel refuses. `how` is never Watch::none.
    [[nodiscard]] virtual bool watch(int descriptor, Watch how) = 0;
    virtual void unwatch(int descriptor, Watch how) = 0;
    // Lets libmilter read the end of the connection.
    virtual void shut_down(int descriptor) = 0;
};

// The real ones: two epolls, edge-triggered, one for each way to watch.
class EpollSockets final : public Sockets {
  public:
    // Before the first connection.
    [[nodiscard]] Result<void> open();
    // Readable when something is to be reported.
    [[nodiscard]] int epoll(Watch how) const noexcept { return (how == Watch::seldom ? seldom_ : often_).get(); }

    [[nodiscard]] PacketLook look(int descriptor) override;
    [[nodiscard]] bool holds_only(int descriptor, char command) override;
    [[nodiscard]] bool watch(int descriptor, Watch how) override;
    void unwatch(int descriptor, Watch how) override;
    void shut_down(int descriptor) override;

  private:
    unique_fd often_;
    unique_fd seldom_;
};

} // namespace evermilter::session::libmilter
