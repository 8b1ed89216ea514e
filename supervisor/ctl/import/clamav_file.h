// Reads a configuration file of ClamAV (clamd.conf(5), section FILE FORMAT): one option and its value a line. What is
// said here of ClamAV's own parser was seen with clamconf 1.4.6. Knows no option by its name. A file with a fault gives
// all of them (to a limit), each with its line, and no settings.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/fault.h"
#include "workers/common/base/result.h"

namespace evermilter::ctl {

struct ClamavSetting {
    unsigned line = 0;  // from 1
    std::string option; // as written; ClamAV takes upper and lower case as different
    std::string value;  // without blanks around it and without its quotes; empty only for "Example"
};

struct ClamavFile {
    std::string path;
    std::vector<ClamavSetting> settings; // in the file's order
};

struct Unreadable {
    std::string reason; // "cannot be opened: Permission denied"
};
// The text of a regular file of at most 1 MiB.
[[nodiscard]] Result<std::string, Unreadable> read_small_file(const std::string& path);

// Why a text cannot be written into our file, nor shown: it is not UTF-8, or holds control characters; nullopt where
// it can.
[[nodiscard]] std::optional<std::string> unwritable(std::string_view text);

// Values are UTF-8; see unwritable().
[[nodiscard]] Result<ClamavFile, std::vector<config::Fault>> parse_clamav_text(std::string_view text,
                                                                               const std::string& path);
[[nodiscard]] Result<ClamavFile, std::vector<config::Fault>> read_clamav_file(const std::string& path);

} // namespace evermilter::ctl
