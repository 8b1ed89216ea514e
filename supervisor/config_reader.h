// Reads a configuration file and does everything that may wait for it: disk, name server, group database. At a reload a
// helper process does this, because a file may also crash its reader; at the start it is done directly, before anything
// is served. The result can be taken over without any further lookup.
#pragma once

#include <sys/types.h>

#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/parse.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

// Sockets that have their access and their policy in common.
struct SocketGroup {
    std::string listener; // the [[listener]]'s name; empty: milter.*
    std::vector<std::string> addresses;
    mode_t mode = 0660;
    std::string group;
    std::vector<std::string> allow;
    bool proxy = false;
    std::vector<std::string> proxy_from;

    // "milter.allow", "listener[NAME].allow".
    [[nodiscard]] std::string key(const std::string& name) const;
};

// All of them, milter.* first, as they are written.
[[nodiscard]] std::vector<SocketGroup> sockets_of(const config::Config& config);

struct ReadConfig {
    config::Config config;
    // As they are bound: addresses in the place of names, a number in the place of a group's name.
    std::vector<SocketGroup> bound;
    std::string lists; // config::state_of_lists()
};

// Resolves the names; an Error names the key. Waits.
[[nodiscard]] Result<SocketGroup> look_up(const SocketGroup& sockets);

// For Helpers: reads `path`, checks it, looks its names up. Waits. The text is for read_config_result().
[[nodiscard]] std::string read_config_job(const std::string& path);
// Does not wait. The Error's text lists every fault of the file, each with its place.
[[nodiscard]] Result<ReadConfig> read_config_result(const std::string& result, const std::string& path);

} // namespace evermilter::supervisor
