// The channel to the supervisor, on the loop: what comes is handed on in order, what goes out is sent or kept, and
// the end of the channel is told once. Main thread only.
#pragma once

#include <ev++.h>

#include <functional>

#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/to_loader.h"

namespace evermilter::scanner {

class SupervisorLink {
  public:
    struct Handlers {
        std::function<void(messages::ToLoader)> message;
        // The supervisor has closed its end, or died. The link is closed before.
        std::function<void()> ended;
    };

    // Starts to read. The loop must outlive the link.
    SupervisorLink(ev::loop_ref loop, unique_fd channel, Handlers handlers);
    SupervisorLink(const SupervisorLink&) = delete;
    SupervisorLink& operator=(const SupervisorLink&) = delete;
    ~SupervisorLink() = default;

    [[nodiscard]] bool open() const noexcept { return channel_.open(); }
    // Sends now or when there is room. To a closed link: nothing. May tell the end before it returns.
    void send(messages::FromLoader message);
    // Nothing more is read; what was kept is sent, for at most two seconds; closed.
    void finish();

  private:
    void readable(ev::io& watcher, int events);
    void writable(ev::io& watcher, int events);
    void end();

    Channel<messages::ToLoader, messages::FromLoader> channel_;
    Handlers handlers_;
    bool finished_ = false;
    ev::io read_;
    ev::io write_;
};

} // namespace evermilter::scanner
