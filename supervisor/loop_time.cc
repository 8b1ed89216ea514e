#include "supervisor/loop_time.h"

#include <ctime>
#include <utility>

#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {
namespace {

class LoopTimer final : public Timer {
  public:
    LoopTimer(Loop* loop, std::function<void()> due) : watcher_(loop, std::move(due)) {}

    void start(std::chrono::nanoseconds after, std::chrono::nanoseconds repeat) override {
        watcher_.start(after, repeat);
    }
    void stop() noexcept override { watcher_.stop(); }
    [[nodiscard]] bool active() const noexcept override { return watcher_.active(); }

  private:
    TimerWatcher watcher_;
};

} // namespace

LoopTime::LoopTime(Loop* loop) : loop_(loop), random_(static_cast<std::minstd_rand::result_type>(monotonic_ns())) {}

Moment LoopTime::now() const {
    return Moment(monotonic_ns());
}

std::int64_t LoopTime::unix_time() const {
    return std::time(nullptr);
}

double LoopTime::chance() {
    return std::uniform_real_distribution<double>(0.0, 1.0)(random_);
}

std::unique_ptr<Timer> LoopTime::timer(std::function<void()> due) {
    return std::make_unique<LoopTimer>(loop_, std::move(due));
}

} // namespace evermilter::supervisor
