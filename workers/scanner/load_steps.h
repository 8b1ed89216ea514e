// The steps that a load has begun and the main thread has not yet reported: none is lost, however fast they follow
// one another. Without a lock, which a load of low priority could hold for long.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace evermilter::scanner {

class LoadSteps {
  public:
    // The load's thread; `step` has static storage. More than kMost are dropped.
    void add(const char* step) noexcept {
        const std::size_t count = count_.load(std::memory_order_relaxed);
        if (count == kMost) return;
        steps_.at(count) = step;
        count_.store(count + 1, std::memory_order_release);
    }
    // The main thread: the first one that was not yet taken, or null.
    [[nodiscard]] const char* take() noexcept {
        return taken_ < count_.load(std::memory_order_acquire) ? steps_.at(taken_++) : nullptr;
    }

  private:
    static constexpr std::size_t kMost = 8;
    std::array<const char*, kMost> steps_{};
    std::atomic<std::size_t> count_{0};
    std::size_t taken_ = 0;
};

} // namespace evermilter::scanner
