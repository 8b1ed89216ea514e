// The TimeSource of the service: the system's clocks, and timers of the loop.
#pragma once

#include <random>

#include "supervisor/time_source.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class LoopTime final : public TimeSource {
  public:
    explicit LoopTime(Loop* loop);

    [[nodiscard]] Moment now() const override;
    [[nodiscard]] std::int64_t unix_time() const override;
    [[nodiscard]] double chance() override;
    [[nodiscard]] std::unique_ptr<Timer> timer(std::function<void()> due) override;

  private:
    Loop* loop_;
    std::minstd_rand random_;
};

} // namespace evermilter::supervisor
