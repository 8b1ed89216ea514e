// The socket units of systemd: which of them holds a socket now, and which will pass one to us that the configuration
// does not name. For --check-config, which gets no socket passed: systemctl(1) is asked.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "workers/common/base/result.h"

namespace evermilter::supervisor {

struct SocketUnit {
    std::string name;                   // "evermilter.socket"
    std::vector<std::string> addresses; // of its stream sockets, canonical (config/address.h)
    std::vector<std::string> services;  // that it starts
    bool active = false;                // systemd holds its sockets
    bool waits = false;                 // for a connection, which would start the service
};

// Of what `systemctl show` prints for socket units, a block each. What is not understood is left out. Pure.
[[nodiscard]] std::vector<SocketUnit> parse_socket_units(std::string_view text);

// Asks systemctl for at most `patience`. None where systemd does not run. An Error: it runs, and gives no answer.
[[nodiscard]] Result<std::vector<SocketUnit>> ask_socket_units(std::chrono::milliseconds patience);

// The unit of systemd in which this process runs ("evermilter.service"), or "".
[[nodiscard]] std::string own_unit();

} // namespace evermilter::supervisor
