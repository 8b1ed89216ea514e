// A scanner: takes one message at a time from its generation's queue until it is to be replaced or the queue has
// ended. Its whole life is run(); it knows nothing of the loader that forked it. One thread.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "config/config.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/scan_job.h"
#include "workers/common/shared/poison_board.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanner/libclamav/engine.h"

namespace evermilter::scanner {

// How a scanner ends of its own accord. Anything else, or a signal, is unexpected.
inline constexpr int kScannerDone = 0; // max_jobs or max_age reached, or the queue has ended
using messages::kScannerTempFailed;
inline constexpr int kScannerQueueBroken = 71; // EX_OSERR: the queue cannot be read

class Scanner {
  public:
    // `queue` is the receiving end, non-blocking, shared with other scanners.
    // `folder` is the engine's temp directory: no job is taken when it is not there any more.
    // `poison`: messages that are not to be taken; nullptr for none. The references must outlive the scanner.
    Scanner(Engine& engine, int queue, ScannerSlot& slot, const config::Scanner& config, const PoisonBoard* poison,
            std::string folder);

    // The exit status.
    [[nodiscard]] int run();

  private:
    enum class Next : std::uint8_t { job, temp_failed };
    [[nodiscard]] bool folder_is_there() const;
    [[nodiscard]] Next serve(messages::ScanJob job);

    Engine& engine_;
    int queue_;
    ScannerSlot& slot_;
    const config::Scanner& config_;
    const PoisonBoard* poison_;
    std::string folder_;
    struct stat made_ {}; // the folder, when it was ours
    std::uint32_t jobs_ = 0;
};

} // namespace evermilter::scanner
