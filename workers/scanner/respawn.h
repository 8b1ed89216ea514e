// When a scanner that has ended is replaced: at once, but neither in a spin when each one dies as it begins, nor
// more than once a second for a temp directory that fails. Pure; one a slot.
#pragma once

#include <chrono>
#include <cstdint>

namespace evermilter::scanner {

class Respawn {
  public:
    using Delay = std::chrono::milliseconds;

    enum class End : std::uint8_t {
        planned,     // max_jobs, max_age
        died,        // a signal, an unexpected status
        temp_failed, // its temp directory, or making it
    };

    // The first death without service is replaced at once, each further one in a row after a doubling delay.
    static constexpr Delay kFirstDelay{100};
    static constexpr Delay kLongestDelay{5000};
    static constexpr Delay kTempDelay{1000};

    // How long to wait before the next is forked. `served`: the one that ended had finished at least one message.
    [[nodiscard]] Delay after(End end, bool served) noexcept;

  private:
    unsigned deaths_in_a_row_ = 0;
};

} // namespace evermilter::scanner
