// An engine of this process, for benchmarks that need no service: libclamav scans here, without a sandbox.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "config/config.h"
#include "workers/scanner/libclamav/engine.h"

namespace evermilter::bench {

class Scans {
  public:
    // Loads `database` with the defaults of the configuration; the temp directory is in /dev/shm. Throws.
    explicit Scans(const std::filesystem::path& database);
    ~Scans();
    Scans(const Scans&) = delete;
    Scans& operator=(const Scans&) = delete;

    // The message as the session worker hands it over, with the synthetic first lines before it.
    [[nodiscard]] scanner::EngineReport scan(const std::string& mail);

    [[nodiscard]] scanner::Engine& engine() noexcept { return *engine_; }

  private:
    std::filesystem::path temp_;
    std::unique_ptr<scanner::Engine> engine_;
};

} // namespace evermilter::bench
