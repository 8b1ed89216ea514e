// Time as the parts of the supervisor see it: a clock, timers, and the chance that spreads delays. Handed to each part
// that decides by time, so that a test can turn the clock by hand.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace evermilter::supervisor {

// Of CLOCK_MONOTONIC, since its zero.
using Moment = std::chrono::nanoseconds;

// Calls what it was made with, at a moment, or again and again. Started again it forgets what it was started for.
class Timer {
  public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    Timer(Timer&&) = delete;
    Timer& operator=(Timer&&) = delete;
    virtual ~Timer() = default;

    virtual void start(std::chrono::nanoseconds after, std::chrono::nanoseconds repeat) = 0;
    void start(std::chrono::nanoseconds after) { start(after, std::chrono::nanoseconds::zero()); }
    virtual void stop() noexcept = 0;
    [[nodiscard]] virtual bool active() const noexcept = 0;
};

class TimeSource {
  public:
    TimeSource() = default;
    TimeSource(const TimeSource&) = delete;
    TimeSource& operator=(const TimeSource&) = delete;
    TimeSource(TimeSource&&) = delete;
    TimeSource& operator=(TimeSource&&) = delete;
    virtual ~TimeSource() = default;

    [[nodiscard]] virtual Moment now() const = 0;
    [[nodiscard]] virtual std::int64_t unix_time() const = 0;
    // From [0, 1), another each time.
    [[nodiscard]] virtual double chance() = 0;
    // `due` is called from the loop, never from start().
    [[nodiscard]] virtual std::unique_ptr<Timer> timer(std::function<void()> due) = 0;
};

} // namespace evermilter::supervisor
