// evermilterctl import: reads ClamAV's files, says on standard error what became of each option, and writes the result.
// A file that exists is never overwritten without `force`, and never left half written. Exit status: 0; 65 if a file is
// bad, 73 if the result cannot be written; then nothing is.
#pragma once

#include <string>

namespace evermilter::ctl {

struct ImportOptions {
    std::string milter; // clamav-milter.conf; empty: none
    std::string clamd;  // clamd.conf; empty: none
    std::string output; // empty: standard output
    bool force = false;
};

[[nodiscard]] int run_import(const ImportOptions& options);

} // namespace evermilter::ctl
