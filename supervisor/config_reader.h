// A configuration file and all that reading it may wait for: the disk, a name server, the directory of groups. Done in
// a helper process at a reload, where a file may also be one that ends its reader; directly at the start, before
// anything is served. What comes out can be taken over without asking anybody again.
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

// What names come to; an Error names the key. Waits.
[[nodiscard]] Result<config::Milter> look_up(const config::Milter& milter);

// For Helpers: reads `path`, checks it, looks its names up. Waits. The text is for read_config_result().
[[nodiscard]] std::string read_config_job(const std::string& path);
// Waits for nothing. The Error's text is every fault of the file, each with its place.
[[nodiscard]] Result<ReadConfig> read_config_result(const std::string& result, const std::string& path);

} // namespace evermilter::supervisor
