#include "workers/scanner/respawn.h"

#include <algorithm>

namespace evermilter::scanner {

Respawn::Delay Respawn::after(End end, bool served) noexcept {
    switch (end) {
        case End::planned:
            deaths_in_a_row_ = 0;
            return Delay::zero();
        case End::temp_failed:
            return kTempDelay;
        case End::died:
            break;
    }
    if (served) deaths_in_a_row_ = 0;
    const unsigned earlier = deaths_in_a_row_++;
    if (earlier == 0) return Delay::zero();
    return std::min(kFirstDelay * (1U << std::min(earlier - 1, 6U)), kLongestDelay);
}

} // namespace evermilter::scanner
