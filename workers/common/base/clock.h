// The clock: CLOCK_MONOTONIC, which is std::chrono::steady_clock's too. Points in time within a process are SteadyTime;
// what crosses from one to another (messages, boards, jobs) is a count of nanoseconds of the same clock. A part that is
// tested without waiting is handed a Clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace evermilter {

using SteadyTime = std::chrono::steady_clock::time_point;
using Clock = std::function<SteadyTime()>;

[[nodiscard]] inline SteadyTime steady_now() noexcept {
    return std::chrono::steady_clock::now();
}

[[nodiscard]] inline std::int64_t to_ns(SteadyTime time) noexcept {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
}
[[nodiscard]] inline SteadyTime from_ns(std::int64_t ns) noexcept {
    return SteadyTime(std::chrono::duration_cast<SteadyTime::duration>(std::chrono::nanoseconds(ns)));
}
// CLOCK_MONOTONIC now, in nanoseconds.
[[nodiscard]] inline std::int64_t monotonic_ns() noexcept {
    return to_ns(steady_now());
}

} // namespace evermilter
