// The scanners of one generation: forked from the process that holds the engine, replaced when they end, killed when
// they hang, their temp folders made and wiped. Owns nothing of the engine or the queue; the process that has both (the
// loader, or a standby that took over) can run a pool. Main thread only, and no other thread may live: it forks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/shared/poison_board.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanner/libclamav/engine.h"
#include "workers/scanner/respawn.h"

namespace evermilter::scanner {

class ScannerPool {
  public:
    struct Handlers {
        // ScannerStarted, ScannerEnded: for the supervisor.
        std::function<void(messages::FromLoader)> report;
        // The last scanner was reaped after retire().
        std::function<void()> all_gone;
    };

    // `board` has one slot a scanner. `queue` is the receiving end, non-blocking. `poison` may be nullptr. All
    // references outlive the pool.
    ScannerPool(Loop* loop, Engine& engine, ScannerBoard& board, int queue, const PoisonBoard* poison,
                const config::Config& config, std::uint64_t generation, Handlers handlers);
    ScannerPool(const ScannerPool&) = delete;
    ScannerPool& operator=(const ScannerPool&) = delete;
    ~ScannerPool();

    // Before start(): a descriptor that scanners are to hold, open as long as the pool.
    void keep_in_scanners(int descriptor) noexcept { kept_ = descriptor; }
    // Before start(): where no supervisor of root's does it.
    void let_scanners_raise_their_oom_score() noexcept { raise_oom_score_ = true; }
    // Forks one scanner a slot. On an Error none is left.
    [[nodiscard]] Result<void> start();

    // Keeps the living scanners of a dead loader (`pids` by slot, 0: none), which are now children of its parent, and
    // forks one for each other slot. The parent reaps those kept and reports it; here their end only frees the slot.
    void take_over(const std::vector<std::int64_t>& pids);

    // Kills the scanner `pid` if it is ours and still works on `job`; it is replaced when it was reaped.
    void kill_overdue(pid_t pid, std::uint64_t job);

    // Kills the scanner `pid` if it is ours and still idle; it is replaced when it was reaped.
    void kill_idle(pid_t pid);

    // The queue has ended: scanners end alone and are not replaced; those still there after
    // max_scan_time + 5 s are killed. all_gone follows, at once if there is none.
    void retire();

    [[nodiscard]] std::size_t alive() const noexcept;

  private:
    struct ScannerSlotState; // a slot of the board and the scanner in it

    [[nodiscard]] Result<void> seat(ScannerSlotState& seat);
    [[noreturn]] void become_scanner(ScannerSlotState& seat);
    [[nodiscard]] bool adopt(ScannerSlotState& seat, pid_t pid);
    void ended(ScannerSlotState& seat);
    void vacate(ScannerSlotState& seat);
    void refill(ScannerSlotState& seat, Respawn::End end, bool served);
    void seat_later(ScannerSlotState& seat, Respawn::Delay delay);
    void seat_again(ScannerSlotState& vacant);
    // It should have ended before.
    void outlived(ScannerSlotState& seat);
    void kill_all() noexcept;
    void out_of_time();
    void all_gone();
    [[nodiscard]] std::string folder(const ScannerSlotState& seat) const;

    Loop* loop_;
    Engine& engine_;
    ScannerBoard& board_;
    int queue_;
    const PoisonBoard* poison_;
    int kept_ = -1;
    bool raise_oom_score_ = false;
    const config::Config& config_;
    std::uint64_t generation_;
    Handlers handlers_;
    std::vector<std::unique_ptr<ScannerSlotState>> seats_;
    TimerWatcher last_moment_;
    bool retired_ = false;
};

} // namespace evermilter::scanner
