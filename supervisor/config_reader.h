// Reads a configuration file and does everything that may wait for it: disk, name server, group database. At a reload a
// helper process does this, because a file may also crash its reader; at the start it is done directly, before anything
// is served. The result can be taken over without any further lookup.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/parse.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

struct ReadConfig {
    config::Config config;
    // milter.* as it is bound: addresses in the place of names, a number in the place of the group's name.
    config::Milter bound;
};

// Resolves the names; an Error names the key. Waits.
[[nodiscard]] Result<config::Milter> look_up(const config::Milter& milter);

// For Helpers: reads `path`, checks it, looks its names up. Waits. The text is for read_config_result().
[[nodiscard]] std::string read_config_job(const std::string& path);
// Does not wait. The Error's text lists every fault of the file, each with its place.
[[nodiscard]] Result<ReadConfig> read_config_result(const std::string& result, const std::string& path);

} // namespace evermilter::supervisor
