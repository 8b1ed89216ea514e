// log.summary: a line now and then of what came since the last one: messages by verdict, and detections by name.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "supervisor/counters.h"
#include "supervisor/time_source.h"

namespace evermilter::supervisor {

struct WhatCame {
    std::int64_t seconds = 0; // since the last summary
    std::uint64_t messages = 0;
    std::array<std::uint64_t, kDispositions> by{}; // Disposition
    std::string viruses;                           // new_viruses()
};

class Summary {
  public:
    using Say = std::function<void(const WhatCame& came)>;
    // `total`: over ended and living processes. `say` hears of no time in which nothing came.
    Summary(TimeSource& time, std::function<Counters()> total, Say say);

    // At the start, and when the configuration has changed; 0: no summaries.
    void apply(std::chrono::nanoseconds period);
    // The last one, for what has come since.
    void stop();

  private:
    void sum_up();

    TimeSource& time_;
    const std::function<Counters()> total_;
    const Say say_;
    const std::unique_ptr<Timer> timer_;
    std::chrono::nanoseconds period_{0};
    Counters last_;
    Moment since_{0};
};

// As the line of the log.
void log_summary(const WhatCame& came);

// "NAME 12, OTHER 3": what `now` has more than `before`, the largest first, at most twenty names and how many more
// detections there were. Pure.
[[nodiscard]] std::string new_viruses(const Counters& before, const Counters& now);

} // namespace evermilter::supervisor
