// One libclamav engine: options and limits from the configuration, loading, compiling, scanning one descriptor.
// Not thread-safe. Load and compile in any one thread; after fork(2) each process has its own copy and scans.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "workers/common/base/result.h"
#include "workers/scanner/libclamav/scan_verdict.h"
#include "workers/scanner/refusal.h"

struct cl_engine;

namespace evermilter::scanner {

struct EngineReport {
    Verdict verdict;
    std::chrono::nanoseconds took{};
    std::uint64_t scanned = 0;           // bytes of the message that was handed to libclamav
    std::size_t parts_scanned_again = 0; // parts of the mail that libclamav did not open
};

class Engine {
  public:
    // Initialises libclamav (once a process), captures its messages, and sets what the configuration says.
    [[nodiscard]] static Result<Engine, Refusal> create(const config::Scanner& config);

    // Loads all databases of the directory `path`. `shown_as` is its name in errors: the directory that the operator
    // knows. 65 broken, 66 none there, 71 out of memory.
    [[nodiscard]] Result<void, Refusal> load(const std::string& path, const std::string& shown_as);
    // Loads one file whose signatures are not counted (the built-in probe's).
    [[nodiscard]] Result<void, Refusal> load_uncounted(const std::string& path);
    [[nodiscard]] Result<void, Refusal> compile();

    // Where scans of this process put their files. Works after compile() too (libclamav copies the path).
    [[nodiscard]] Result<void> set_temp_directory(const std::string& path);

    // Scans the whole file behind `fd`, which must be seekable; its offset may move. After compile().
    [[nodiscard]] EngineReport scan(int fd, bool all_names = false);

    [[nodiscard]] std::uint64_t signatures() const noexcept { return signatures_; }
    // libclamav's own version: "1.4.6".
    [[nodiscard]] static const char* library_version() noexcept;
    // Whether libclamav found its library for RAR archives. After create().
    [[nodiscard]] static bool unpacks_rar() noexcept;
    // Of daily.cvd or daily.cld, as libclamav keeps it; 0 when there was none.
    [[nodiscard]] std::uint64_t daily_version() const;
    [[nodiscard]] std::int64_t daily_time() const;

    // Without the independent look libclamav's word alone counts; for measurements of what the look costs.
    void look(bool wanted) noexcept { look_ = wanted; }

    // Keeps what each scan leaves in the temp directory; for tests that need a name to be taken.
    void keep_temp_files();

  private:
    struct Free {
        void operator()(cl_engine* engine) const noexcept;
    };
    explicit Engine(cl_engine* engine, const config::Scanner& config);

    [[nodiscard]] Result<void, Refusal> configure();

    std::unique_ptr<cl_engine, Free> engine_;
    config::Scanner config_;
    std::string temp_directory_;
    unsigned int signatures_ = 0;
    bool look_ = true;
};

} // namespace evermilter::scanner
