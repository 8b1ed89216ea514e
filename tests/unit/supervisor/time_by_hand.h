// A TimeSource whose clock a test turns by hand. Chance is always 1/2 unless it is set.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "supervisor/time_source.h"

namespace evermilter::supervisor::test {

class TimeByHand final : public TimeSource {
  public:
    [[nodiscard]] Moment now() const override { return now_; }
    [[nodiscard]] std::int64_t unix_time() const override {
        return 1'700'000'000 + std::chrono::duration_cast<std::chrono::seconds>(now_).count();
    }
    [[nodiscard]] double chance() override { return next_chance; }
    [[nodiscard]] std::unique_ptr<Timer> timer(std::function<void()> due) override {
        return std::make_unique<TimerByHand>(*this, std::move(due));
    }

    // One timer that is due is called. False: none is.
    bool call_one() {
        for (TimerByHand* timer : timers_)
            if (timer->due_by(now_)) return timer->call(), true;
        return false;
    }
    // Goes on, and calls each timer at its moment.
    void pass(std::chrono::nanoseconds duration) {
        const Moment end = now_ + duration;
        for (;;) {
            while (call_one()) {
            }
            const auto at = next();
            if (!at || *at > end) break;
            now_ = *at;
        }
        now_ = end;
    }
    // When the next timer is due, those that come again and again included.
    [[nodiscard]] std::optional<Moment> next() const {
        return first([](const TimerByHand&) { return true; });
    }
    // The next that is started for one moment only.
    [[nodiscard]] std::optional<Moment> next_single() const {
        return first([](const TimerByHand& timer) { return timer.single(); });
    }
    void go_to(Moment moment) { now_ = std::max(now_, moment); }

    double next_chance = 0.5;

  private:
    class TimerByHand final : public Timer {
      public:
        TimerByHand(TimeByHand& time, std::function<void()> due) : time_(time), due_(std::move(due)) {
            time_.timers_.push_back(this);
        }
        TimerByHand(const TimerByHand&) = delete;
        TimerByHand& operator=(const TimerByHand&) = delete;
        TimerByHand(TimerByHand&&) = delete;
        TimerByHand& operator=(TimerByHand&&) = delete;
        ~TimerByHand() override { std::erase(time_.timers_, this); }

        void start(std::chrono::nanoseconds after, std::chrono::nanoseconds repeat) override {
            at_ = time_.now_ + after;
            repeat_ = repeat;
        }
        void stop() noexcept override { at_.reset(); }
        [[nodiscard]] bool active() const noexcept override { return at_.has_value(); }

        [[nodiscard]] bool due_by(Moment now) const { return at_ && *at_ <= now; }
        [[nodiscard]] bool single() const { return repeat_ == std::chrono::nanoseconds::zero(); }
        [[nodiscard]] std::optional<Moment> at() const { return at_; }
        void call() {
            if (single())
                at_.reset();
            else
                at_ = *at_ + repeat_;
            due_();
        }

      private:
        TimeByHand& time_;
        std::function<void()> due_;
        std::optional<Moment> at_;
        std::chrono::nanoseconds repeat_{};
    };

    template <class Wanted>
    [[nodiscard]] std::optional<Moment> first(Wanted wanted) const {
        std::optional<Moment> found;
        for (const TimerByHand* timer : timers_)
            if (wanted(*timer) && timer->at() && (!found || *timer->at() < *found)) found = timer->at();
        return found;
    }

    Moment now_ = std::chrono::hours(1);
    std::vector<TimerByHand*> timers_;
};

} // namespace evermilter::supervisor::test
