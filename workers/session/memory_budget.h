// How many bytes of messages a session worker may hold in memory (message.memory_budget, its share of it).
// Any thread. A worker's share is the total divided by workers.session_max: no lock, no shared memory that a
// killed worker would leave wrong, and never more than the total over all workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace evermilter::session {

class MemoryBudget {
  public:
    explicit MemoryBudget(std::uint64_t limit) : limit_(limit) {}
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    // False, and nothing taken, when `bytes` more would pass the limit.
    [[nodiscard]] bool take(std::uint64_t bytes) noexcept;
    void give_back(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

  private:
    const std::uint64_t limit_;
    std::atomic<std::uint64_t> used_{0};
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

} // namespace evermilter::session
