// What the supervisor runs with, resolved from the configuration once when it is taken over.
#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"
#include "supervisor/privileges.h"

namespace evermilter::supervisor {

struct Settings {
    config::Config config; // log.target is resolved
    std::string toml;      // the same, canonical, as children get it
    std::string origin;    // the file, for error messages
    Identities identities;
    std::uint32_t scanners = 1; // scanner.processes, 0 resolved
    bool foreground = true;
};

// `foreground` decides log.target where the file does not.
[[nodiscard]] Settings make_settings(config::Config config, std::string origin, Identities identities, bool foreground);

} // namespace evermilter::supervisor
