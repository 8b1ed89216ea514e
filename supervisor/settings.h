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
    std::string lists;     // the state of the files that it names, when it was read (config::state_of_lists)
    Identities identities;
    std::uint32_t scanners = 1; // scanner_processes() when it was taken over
    bool foreground = true;
};

// How many scanners a generation has that is loaded now: scanner.processes, or one per CPU that may be used.
[[nodiscard]] std::uint32_t scanner_processes(const config::Scanner& scanner);

// `foreground` decides log.target where the file does not.
[[nodiscard]] Settings make_settings(config::Config config, std::string origin, std::string lists,
                                     Identities identities, bool foreground);

} // namespace evermilter::supervisor
