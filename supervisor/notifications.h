// Tells the service manager how it stands (sd_notify(3)): READY when the first generation is active, RELOADING,
// STOPPING, a STATUS for people, more time while the first load or the stop takes it, and WATCHDOG as long as the loop
// turns and the children answer their pings. The datagrams are our own: sd_notify() waits where the manager does not
// read, and the supervisor never waits; here what is not taken is sent again.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "supervisor/service_manager.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// One line for people: "ready: generation 7, 8723413 signatures". Pure.
[[nodiscard]] std::string status_line(const State& state);

class Notifications {
  public:
    // `well`: whether the watchdog may be fed.
    Notifications(Loop* loop, const State& state, std::function<bool()> well);

    // A manager without a notification socket is told nothing.
    void begin(const ServiceManager& manager);
    // After any change of the state: tells it, if it is one for the manager.
    void tell();
    // Instead, once the service stops: it may take `bound`; `reason`: why it cannot go on, or "".
    void tell_stopping(std::chrono::nanoseconds bound, const std::string& reason);

  private:
    void keep_alive();
    void send(std::string datagram);
    // Only if nothing is waiting to be sent: another will come.
    void send_now_or_never(const std::string& datagram);
    void flush();
    // False: the manager's queue is full.
    [[nodiscard]] bool send_one(const std::string& datagram);

    const State& state_;
    std::function<bool()> well_;
    std::string address_;
    std::chrono::microseconds watchdog_{0};
    unique_fd socket_;
    int last_error_ = 0; // of sending
    std::string told_;   // the last datagram of tell(), without the time in it
    std::deque<std::string> pending_;
    TimerWatcher keep_alive_timer_;
    TimerWatcher flush_timer_;
};

} // namespace evermilter::supervisor
