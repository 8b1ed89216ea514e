// Keeps strangers from filling the log with one kind of line: one a minute, with the number that was left out since.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "workers/common/base/clock.h"

namespace evermilter {

// Any thread.
class OnceAMinute {
  public:
    // nullopt: do not log. Else how many lines were left out since the last one.
    [[nodiscard]] std::optional<std::uint64_t> pass(SteadyTime now) {
        const std::lock_guard lock(mutex_);
        if (logged_ && now - *logged_ < std::chrono::minutes(1)) {
            ++left_out_;
            return std::nullopt;
        }
        logged_ = now;
        const std::uint64_t left_out = left_out_;
        left_out_ = 0;
        return left_out;
    }

  private:
    std::mutex mutex_;
    std::optional<SteadyTime> logged_;
    std::uint64_t left_out_ = 0;
};

} // namespace evermilter
