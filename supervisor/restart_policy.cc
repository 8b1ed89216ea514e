#include "supervisor/restart_policy.h"

#include <algorithm>

namespace evermilter::supervisor {

void RestartPolicy::failed(Time now, double random) {
    const bool first_after_service = was_proven_;
    was_proven_ = false;
    ++failures_;
    if (first_after_service) {
        not_before_ = now;
        return;
    }
    Time delay = limits_.first;
    for (std::uint32_t i = 1; i < failures_ && delay < limits_.longest; ++i) delay *= 2;
    delay = std::min(delay, limits_.longest);
    const double part = 0.5 + std::clamp(random, 0.0, 1.0) / 2;
    not_before_ = now + Time(static_cast<Time::rep>(static_cast<double>(delay.count()) * part));
}

void RestartPolicy::proven() noexcept {
    failures_ = 0;
    was_proven_ = true;
    not_before_ = Time{0};
}

} // namespace evermilter::supervisor
