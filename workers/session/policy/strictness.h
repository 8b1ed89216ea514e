// Which of two actions is the stricter one; why in this order says unseen_policy.h. Pure.
#pragma once

#include <algorithm>
#include <array>

#include "config/config.h"

namespace evermilter::session {

// From the strictest.
inline constexpr std::array kByStrictness = {config::Action::reject, config::Action::tempfail,
                                             config::Action::quarantine, config::Action::discard,
                                             config::Action::accept};

[[nodiscard]] constexpr bool stricter(config::Action one, config::Action other) noexcept {
    return std::find(kByStrictness.begin(), kByStrictness.end(), one) <
           std::find(kByStrictness.begin(), kByStrictness.end(), other);
}

} // namespace evermilter::session
