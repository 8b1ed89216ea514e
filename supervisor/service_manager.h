// What a service manager (systemd) gives to the process that it starts: listening sockets (sd_listen_fds(3)), the
// socket for notifications (sd_notify(3)), and the watchdog's interval. Taken once, before any descriptor is opened,
// and removed from the environment, which children inherit.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// Listening stream sockets by address. They stay open here whether they are in use or not, because the manager keeps
// them too: closing one refuses nobody.
class PassedSockets {
  public:
    // Errors with EINVAL: no listening stream socket of a unix path, IPv4 or IPv6.
    [[nodiscard]] Result<void> add(unique_fd socket, const std::string& name);

    // A copy of the socket that listens on `address` (canonical, see config::address_text), empty if there is none.
    [[nodiscard]] Result<unique_fd> find(const std::string& address) const;
    [[nodiscard]] bool has(const std::string& address) const;
    // Those that are in none of `addresses`, as "unix:/path (name)".
    [[nodiscard]] std::vector<std::string> beside(const std::vector<std::string>& addresses) const;
    [[nodiscard]] bool empty() const noexcept { return sockets_.empty(); }

  private:
    struct Passed {
        unique_fd socket;
        std::string address;
        std::string name;
    };
    std::vector<Passed> sockets_;
};

struct ServiceManager {
    PassedSockets sockets;
    std::string notify_socket;             // empty: no notifications
    std::chrono::microseconds watchdog{0}; // 0: not wanted
    [[nodiscard]] bool there() const noexcept { return !notify_socket.empty() || !sockets.empty(); }
};

// Before anything is opened: all descriptors above standard error that no service manager passes are nobody's.
[[nodiscard]] Result<void> close_unpassed();

// Error: what was passed is not usable.
[[nodiscard]] Result<ServiceManager> meet_service_manager();

} // namespace evermilter::supervisor
