// Whether the sockets of a configuration could be bound, without binding them (`evermilterd --check-config`). What the
// start binds, it binds by ListenerSet, out of the same parts: endpoints_of(), access_of(), bind_endpoint(),
// may_come_by_itself().
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "supervisor/running_service.h"
#include "supervisor/service_manager.h"
#include "supervisor/socket_units.h"
#include "supervisor/start_report.h"

namespace evermilter::supervisor {

// Who may hold our addresses by right.
struct Holders {
    const PassedSockets* passed = nullptr; // by the service manager, to this process
    std::vector<SocketUnit> units;         // of systemd, which passes them to the service
    bool units_known = true;               // false: systemd runs, and gave no answer
    std::optional<RunningService> running;
};

// Resolves names, and so waits. Returns the addresses of all sockets, for comparison with those that a manager passes.
[[nodiscard]] std::vector<std::string> try_sockets(const config::Config& config, const Holders& holders,
                                                   StartReport& report);

// The fault (EX_CONFIG) of a socket that the service manager passes and no key of the configuration names: nobody would
// accept connections there. `socket`: its address and its unit's name.
[[nodiscard]] StartFault unnamed_socket(const std::string& socket);

} // namespace evermilter::supervisor
