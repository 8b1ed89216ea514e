// CPU time that the host of a virtual machine gives to others, because it may spoil a figure.
#pragma once

#include <mutex>
#include <thread>

namespace evermilter::bench {

// In percent of all CPUs: over all the time since the last call of take(), and in its worst second (proc(5),
// /proc/stat). Reads once a second, in a thread of its own.
class Steal {
  public:
    struct Percent {
        double mean = 0;
        double worst = 0;
    };
    [[nodiscard]] Percent take();

  private:
    struct Ticks {
        double stolen = 0;
        double all = 0;
    };
    static Ticks read();
    static double share(const Ticks& before, const Ticks& now);
    void look(const std::stop_token& stop);

    std::mutex mutex_;
    Ticks taken_ = read();
    Ticks second_ = taken_;
    double worst_ = 0;
    std::jthread thread_{[this](const std::stop_token& stop) { look(stop); }};
};

} // namespace evermilter::bench
