// Scoreboards: memory that a child writes and the supervisor reads, so that counters are exact, survive the
// child's death, and cost no message. All are memfds made by the supervisor and sealed against resizing.
// Every field is an atomic that stands for itself; a reader may see a slot while it changes, and treats every
// value as unproven (a string is cut at its bound, a stage outside the enum is shown as "negotiate").
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "workers/common/base/clock.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/shared/counters.h"

namespace evermilter {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// One session of a session worker.
struct SessionSlot {
    static constexpr std::size_t kQueueIdWords = 8; // 64 bytes, the longest queue id that is shown

    std::atomic<std::uint64_t> session{0}; // 0: free
    std::atomic<std::uint64_t> stage{0};   // Stage
    std::atomic<std::int64_t> since_ns{0}; // CLOCK_MONOTONIC at which the stage began
    std::atomic<std::uint64_t> generation{0};
    std::array<std::atomic<std::uint64_t>, kQueueIdWords> queue_id{};

    void set_queue_id(std::string_view id) noexcept; // cut at 64 bytes
    [[nodiscard]] std::string get_queue_id() const;
};

// Counters of a session worker, and its slots behind them.
struct SessionBoardHeader {
    std::atomic<std::uint64_t> slots{0};
    CounterBoard<kSessionWorker> counters;
    // Not a counter: how the worker knows messages of evermilterctl probe (probe_key.h). Written by the supervisor
    // before the worker has the board.
    std::array<std::atomic<std::uint64_t>, 2> probe_key{};
};

// One scanner of a generation.
struct ScannerSlot {
    std::atomic<std::int64_t> pid{0};           // 0: none
    std::atomic<std::int64_t> busy_since_ns{0}; // CLOCK_MONOTONIC, 0: idle
    std::atomic<std::uint64_t> job{0};
    std::atomic<std::uint64_t> jobs_total{0};
    std::atomic<std::uint64_t> received_total{0}; // what it has taken from the queue, of whatever kind
};

struct ScannerBoardHeader {
    std::atomic<std::uint64_t> slots{0};
    CounterBoard<kLoader> counters; // of the loader and all that it forks
};

// One session worker's part of message.memory_budget: a board that all of them share, so that the budget is one
// over all of them, and a worker that dies gives back what it held: the supervisor then sets its slot to 0.
struct MemorySlot {
    std::atomic<std::uint64_t> bytes{0}; // of messages in memory; only the slot's worker adds
};

struct MemoryBoardHeader {
    std::atomic<std::uint64_t> slots{0};
    std::atomic<std::uint64_t> given{0}; // slots from here on were never given to a worker
};

// Maps a board of any kind. `Header` is followed by `Slot`s.
template <class Header, class Slot>
class Scoreboard {
  public:
    // Makes a memfd for `slots` slots, zeroed, sealed against growing and shrinking.
    [[nodiscard]] static Result<Scoreboard> create(const char* name, std::size_t slots);
    // Maps one that was received; refuses a file whose size does not fit its slot count.
    [[nodiscard]] static Result<Scoreboard> map(unique_fd fd);

    [[nodiscard]] Header& header() const noexcept { return *static_cast<Header*>(memory_.get()); }
    [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
    // Precondition: index < slots().
    [[nodiscard]] Slot& slot(std::size_t index) const noexcept;
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    // A further descriptor of the same memory, CLOEXEC, to be sent.
    [[nodiscard]] Result<unique_fd> duplicate() const;

  private:
    struct Unmap {
        std::size_t size = 0;
        void operator()(void* memory) const noexcept;
    };
    Scoreboard(unique_fd fd, void* memory, std::size_t size, std::size_t slots)
        : fd_(std::move(fd)), memory_(memory, Unmap{size}), slots_(slots) {}

    unique_fd fd_;
    std::unique_ptr<void, Unmap> memory_;
    std::size_t slots_;
};

using SessionBoard = Scoreboard<SessionBoardHeader, SessionSlot>;
using ScannerBoard = Scoreboard<ScannerBoardHeader, ScannerSlot>;
using MemoryBoard = Scoreboard<MemoryBoardHeader, MemorySlot>;
extern template class Scoreboard<SessionBoardHeader, SessionSlot>;
extern template class Scoreboard<ScannerBoardHeader, ScannerSlot>;
extern template class Scoreboard<MemoryBoardHeader, MemorySlot>;

} // namespace evermilter
