#include "supervisor/children/restart_policy.h"

#include <algorithm>

namespace evermilter::supervisor {

void RestartPolicy::failed(Time now, double random) {
    const bool first_after_service = was_proven_;
    was_proven_ = false;
    ++failures_;
    const auto passed =
        static_cast<double>((now - counted_at_).count()) / static_cast<double>(limits_.forgotten.count());
    recent_ = std::max(0.0, recent_ - std::max(0.0, passed)) + 1;
    counted_at_ = now;
    std::uint32_t doublings = failures_;
    Time longest = limits_.longest;
    if (first_after_service) {
        // One that does serve between its failures is worth a start in each such time.
        longest = std::min(longest, limits_.forgotten);
        doublings = static_cast<std::uint32_t>(std::max(0.0, recent_ - limits_.at_once));
        if (doublings == 0) {
            not_before_ = now;
            return;
        }
    }
    Time delay = limits_.first;
    for (std::uint32_t i = 1; i < doublings && delay < longest; ++i) delay *= 2;
    delay = std::min(delay, longest);
    const double part = 0.5 + std::clamp(random, 0.0, 1.0) / 2;
    not_before_ = now + Time(static_cast<Time::rep>(static_cast<double>(delay.count()) * part));
}

void RestartPolicy::proven() noexcept {
    failures_ = 0;
    was_proven_ = true;
    if (recent_ <= limits_.at_once) not_before_ = Time{0};
}

} // namespace evermilter::supervisor
