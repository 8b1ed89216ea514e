// The proof of a compiled engine: what must be found is found, and what must not is not, before a message of anybody's
// depends on it. Scanned in a process of its own, which a broken signature may crash.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "config/config.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/scanner/libclamav/engine.h"
#include "workers/scanner/refusal.h"

namespace evermilter::scanner {

inline constexpr const char* kProbeName = "Evermilter.Probe";

// Adds the signature of the built-in probe, so that the proof works with any database. Before compile(). `folder`
// takes a file for a moment.
[[nodiscard]] Result<void, Refusal> add_builtin_probe(Engine& engine, const std::string& folder);

// A message with the built-in probe as a base64 attachment, and one without.
[[nodiscard]] std::string infected_probe();
[[nodiscard]] std::string clean_probe();

// Scans both probes and then the files of `proof_directory` (may be empty): those in infected/ must be found, those
// in clean/ must be clean. `report` gets the name before each scan.
[[nodiscard]] Result<void, Refusal> prove(Engine& engine, const std::string& proof_directory,
                                          const std::function<void(const std::string&)>& report);

// A proof that runs in a forked child. Fork from a process with one thread only.
class ProofProcess {
  public:
    // `temp_directory` is the child's own and exists.
    [[nodiscard]] static Result<ProofProcess> start(Engine& engine, const config::Config& config,
                                                    const std::string& temp_directory);
    // Readable when the child has ended.
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
    // After it has ended: reaps it and tells what came of it.
    [[nodiscard]] Result<void, Refusal> result();

  private:
    ProofProcess(unique_fd pidfd, unique_fd report) : pidfd_(std::move(pidfd)), report_(std::move(report)) {}

    unique_fd pidfd_;
    unique_fd report_; // a memfd: the last file begun, or the reason of the refusal
};

} // namespace evermilter::scanner
