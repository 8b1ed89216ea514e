// A generation that serves: its scanners, the end of its queue, and the standby that is forked from what serves it.
// First the loader serves; when that has died, the standby does, from the same engine. Ends when the queue has ended,
// the scanners are gone, and at last the standby. Main thread only, and no other thread may live: it forks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "config/config.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/to_loader.h"
#include "workers/common/shared/poison_board.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanner/libclamav/engine.h"
#include "workers/scanner/scanner_pool.h"

namespace evermilter::scanner {

// What a generation is served with. The process that serves it has these, by load or by fork.
struct EngineContext {
    Engine& engine;
    ScannerBoard& board;
    const config::Config& config;
    std::uint64_t generation = 0;
    int queue = -1;         // the receiving end, non-blocking
    int snapshot_lock = -1; // this and the next are held as long as the generation lives
    int engine_lock = -1;
    const PoisonBoard* poison = nullptr; // what the scanners do not take
    bool of_one_user = false;            // supervisor and scanners
    std::chrono::milliseconds shutdown;  // timeouts.shutdown as it is now; that of `config` may have changed since
};

// Does what LockEngine asks for.
void lock_again(int engine_lock, const config::Config& config, std::uint64_t generation);

class GenerationServer {
  public:
    struct Handlers {
        std::function<void(messages::FromLoader)> report; // to the supervisor
        std::function<void()> ended;                      // nothing is left to serve; the process may end
    };

    // All that `estate` refers to outlives this.
    GenerationServer(Loop* loop, const EngineContext& estate, Handlers handlers);
    GenerationServer(const GenerationServer&) = delete;
    GenerationServer& operator=(const GenerationServer&) = delete;
    ~GenerationServer(); // kills and reaps what it has forked

    // Forks all scanners. On an Error none is left.
    [[nodiscard]] Result<void> start();
    // The end of the queue is heeded from now on.
    void watch_queue_end();
    // Takes over from a dead loader: the scanners of `pids` (by slot, 0: none) are kept, the others are forked.
    [[nodiscard]] Result<void> take_over(const std::vector<std::int64_t>& pids);

    // The supervisor has died. Session workers end within timeouts.shutdown and let go of the queue; one that is stuck
    // does not keep the engine in memory for ever.
    void supervisor_gone();

    // Forks a standby that listens on `channel`, and reports StandbyStarted or, if that fails, StandbyEnded.
    void start_standby(unique_fd channel);

    // Ping, ReopenLog, ShutdownTime, LockEngine, ScannerOverdue, ReplaceScanner, StartStandby are done. False: it is
    // another message.
    [[nodiscard]] bool on_message(messages::ToLoader& message);

  private:
    void queue_ended();
    void orphaned_too_long();
    void scanners_gone();
    void standby_ended();
    [[nodiscard]] Result<void> open_queue_end();

    EngineContext estate_;
    Handlers handlers_;
    ScannerPool pool_;
    bool ending_ = false; // the scanners are gone
    unique_fd queue_end_; // an epoll descriptor that is readable when the queue has ended
    IoWatcher queue_watch_;
    TimerWatcher orphaned_timer_; // since the supervisor has died
    pid_t standby_ = 0;           // 0: none
    unique_fd standby_pidfd_;
    IoWatcher standby_watch_;
};

} // namespace evermilter::scanner
