// When a role that failed may be started again: exponential backoff with jitter. Starting proves nothing; only
// service does, and resets it. That a process has served is in part its own word, so failures that follow each other
// fast have a growing delay whatever it says. Pure: the clock and the randomness are the caller's.
#pragma once

#include <chrono>
#include <cstdint>

namespace evermilter::supervisor {

class RestartPolicy {
  public:
    using Time = std::chrono::nanoseconds; // of a steady clock

    struct Limits {
        Time first{std::chrono::milliseconds(100)};
        Time longest{std::chrono::seconds(30)};
        std::uint32_t degraded_after = 5; // failures in a row without service
        // Failures after service that cost no delay: so many at once, and one more in each `forgotten`.
        std::uint32_t at_once = 10;
        Time forgotten{std::chrono::seconds(1)};
    };

    RestartPolicy() = default;
    explicit RestartPolicy(Limits limits) : limits_(limits) {}

    // The role failed at `now`. `random` is from [0, 1). The delay is doubled with each failure in a row and then
    // varied between half of it and all of it; the first failure after proven service costs no delay, unless
    // Limits::at_once of them came just before.
    void failed(Time now, double random);
    // The role has served: a session ended well, one that died had answered messages, a generation became active.
    void proven() noexcept;

    // When it may be started; in the past: now.
    [[nodiscard]] Time not_before() const noexcept { return not_before_; }
    [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }
    [[nodiscard]] bool degraded() const noexcept { return failures_ >= limits_.degraded_after; }

  private:
    Limits limits_;
    std::uint32_t failures_ = 0; // in a row, without service between them
    bool was_proven_ = false;    // since the last failure
    Time not_before_{0};
    // Failures that are not forgotten yet, as of counted_at_.
    double recent_ = 0;
    Time counted_at_{0};
};

} // namespace evermilter::supervisor
