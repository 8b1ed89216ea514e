// How many bytes of messages may be in memory: message.memory_budget over all session workers. Each has a slot of
// its own on a board that all share, adds there and looks at the sum: no lock, and the slot of a worker that was
// killed is set to 0 by the supervisor. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "workers/common/shared/scoreboard.h"

namespace evermilter::scanning {

class MemoryBudget {
  public:
    // No other worker takes of it.
    explicit MemoryBudget(std::uint64_t limit) : limit_(limit), own_(&alone_) {}
    // Precondition: slot < board.slots().
    MemoryBudget(std::uint64_t limit, MemoryBoard board, std::uint32_t slot)
        : limit_(limit), board_(std::move(board)), own_(&board_->slot(slot)) {}
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    // False, and nothing taken, when `bytes` more would pass the limit. Two workers that ask for the last bytes at the
    // same moment may both get none, never both some.
    [[nodiscard]] bool take(std::uint64_t bytes) noexcept;
    void give_back(std::uint64_t bytes) noexcept { own_->bytes.fetch_sub(bytes); }
    // Of this worker.
    [[nodiscard]] std::uint64_t used() const noexcept { return own_->bytes.load(); }

  private:
    [[nodiscard]] std::uint64_t of_others() const noexcept;

    const std::uint64_t limit_;
    MemorySlot alone_;
    std::optional<MemoryBoard> board_; // empty: alone
    MemorySlot* own_;
};

// What one message has taken; given back when it ends.
class BudgetShare {
  public:
    BudgetShare() = default;
    explicit BudgetShare(MemoryBudget& budget) : budget_(&budget) {}
    BudgetShare(BudgetShare&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    BudgetShare& operator=(BudgetShare&& other) noexcept {
        if (this != &other) {
            reset();
            budget_ = std::exchange(other.budget_, nullptr);
            bytes_ = std::exchange(other.bytes_, 0);
        }
        return *this;
    }
    ~BudgetShare() { reset(); }

    [[nodiscard]] bool grow(std::uint64_t bytes) noexcept {
        if (budget_ == nullptr || !budget_->take(bytes)) return false;
        bytes_ += bytes;
        return true;
    }
    void reset() noexcept {
        if (budget_ != nullptr) budget_->give_back(bytes_);
        bytes_ = 0;
    }

  private:
    MemoryBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
};

} // namespace evermilter::scanning
