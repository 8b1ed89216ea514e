// The document `config` of the status socket: the configuration that is in use.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/config.h"
#include "config/effective.h"

namespace evermilter::supervisor {

// `config` has an object a section, and a list of them for one that repeats; null is a key that is not set. `toml` has
// the same as a text that a file may hold.
[[nodiscard]] nlohmann::ordered_json config_document(const config::Config& config, config::Keys which);

} // namespace evermilter::supervisor
