// Whether a policy server is asked: after so many failures in a row it is left alone for a while, then one question
// tries it. Pure, and not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

#include "workers/common/base/clock.h"

namespace evermilter::session {

class Breaker {
  public:
    // `failures`: in a row; at least 1.
    Breaker(std::uint32_t failures, std::chrono::milliseconds pause) : most_(failures), pause_(pause) {}

    // Whether this question may be asked. The one that tries a suspended server is allowed once, until its end is told.
    [[nodiscard]] bool allows(SteadyTime now) noexcept {
        if (!suspended_) return true;
        if (trying_ || now < until_) return false;
        trying_ = true;
        return true;
    }
    [[nodiscard]] bool suspended() const noexcept { return suspended_; }

    enum class Change : std::uint8_t { none, suspended, resumed };
    // How a question that was allowed has ended.
    Change succeeded() noexcept {
        in_a_row_ = 0;
        trying_ = false;
        if (!suspended_) return Change::none;
        suspended_ = false;
        return Change::resumed;
    }
    Change failed(SteadyTime now) noexcept {
        trying_ = false;
        if (in_a_row_ < most_) ++in_a_row_;
        if (in_a_row_ < most_) return Change::none;
        until_ = now + pause_;
        if (suspended_) return Change::none;
        suspended_ = true;
        return Change::suspended;
    }
    // It was not asked after all.
    void given_up() noexcept { trying_ = false; }

  private:
    std::uint32_t most_;
    std::chrono::milliseconds pause_;
    std::uint32_t in_a_row_ = 0;
    bool suspended_ = false;
    bool trying_ = false;
    SteadyTime until_{};
};

} // namespace evermilter::session
