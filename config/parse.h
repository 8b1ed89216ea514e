// Reads a configuration file and writes the effective configuration. All faults are collected, each with its
// place, what is wrong and the remedy; a configuration with a fault is never returned.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/fault.h"
#include "config/places.h"
#include "workers/common/base/result.h"

namespace evermilter::config {

// The configuration, or every fault that was found (at least one).
using ParseResult = Result<Config, std::vector<Fault>>;

// All defaults of the schema.
[[nodiscard]] Config defaults();

// Parses and validates (size and depth before anything else, ranges, nesting of deadlines, wildcard listeners, folders
// and sockets that are the same). `origin` names the text in faults. `links`: whether links on the way to folders and
// sockets are followed for that, and files of lists are read, as is done of a file.
[[nodiscard]] ParseResult parse(std::string_view text, const std::string& origin, Links links = Links::as_written);
[[nodiscard]] ParseResult parse_file(const std::string& path);
// The text of a file that may be a configuration: regular, at most 1 MiB.
[[nodiscard]] Result<std::string, Fault> read_text(const std::string& path);

// The canonical form: every key with its effective value, in the schema's order. parse(to_toml(c)) equals c,
// allow_in_file and target_in_file aside (they are then true).
[[nodiscard]] std::string to_toml(const Config& config);

} // namespace evermilter::config
