// Reports to the service manager how the service is (sd_notify(3)): READY when the first generation is active,
// RELOADING, STOPPING, a readable STATUS, more time while the first load or the stop takes it, and WATCHDOG as long as
// the loop turns and the children answer their pings. The datagrams are our own: sd_notify() waits where the manager
// does not read, and the supervisor never waits; a datagram that is not taken is sent again.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "supervisor/service_manager.h"
#include "supervisor/state.h"
#include "supervisor/time_source.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// One readable line: "ready: generation 7, 8723413 signatures". Pure.
[[nodiscard]] std::string status_line(const State& state);

class Notifications {
  public:
    // `well`: whether the watchdog may be fed.
    Notifications(TimeSource& time, const State& state, std::function<bool()> well);

    // A manager without a notification socket gets nothing.
    void begin(const ServiceManager& manager);
    // After any change of the state: reports it, if it is one for the manager.
    void report();
    // Instead, once the service stops: it may take `bound`; `reason`: why it cannot go on, or "".
    void report_stopping(std::chrono::nanoseconds bound, const std::string& reason);

  private:
    void keep_alive();
    void send(std::string datagram);
    // Only if nothing is waiting to be sent: another will come.
    void send_now_or_never(const std::string& datagram);
    void flush();
    // False: the manager's queue is full.
    [[nodiscard]] bool send_one(const std::string& datagram);

    TimeSource& time_;
    const State& state_;
    std::function<bool()> well_;
    std::string address_;
    std::chrono::microseconds watchdog_{0};
    unique_fd socket_;
    int last_error_ = 0; // of sending
    std::string last_;   // the last datagram of report(), without the time in it
    std::deque<std::string> pending_;
    std::unique_ptr<Timer> keep_alive_timer_;
    std::unique_ptr<Timer> flush_timer_;
};

} // namespace evermilter::supervisor
