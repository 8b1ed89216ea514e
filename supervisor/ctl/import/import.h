// Makes an evermilter.toml of the configuration of clamav-milter and of clamd, and says option by option what became of
// it. Reads the files and the lists that they name; writes nothing. What it makes is always read back by our own
// parser before it is given out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/fault.h"
#include "supervisor/ctl/import/clamav_file.h"
#include "workers/common/base/result.h"

namespace evermilter::ctl {

struct ImportSources {
    std::optional<ClamavFile> milter; // at least one of the two
    std::optional<ClamavFile> clamd;
};

struct Import {
    std::string toml;
    std::vector<std::string> report; // one line an option, in the files' order; what a terminal cannot show is in it
};

// Every bad value, each with its place.
using ImportResult = Result<Import, std::vector<config::Fault>>;

[[nodiscard]] ImportResult import_clamav(const ImportSources& sources);
// The paths' files; empty: there is none.
[[nodiscard]] ImportResult import_clamav_files(const std::string& milter, const std::string& clamd);

} // namespace evermilter::ctl
