// How rules, policies and lists of senders name the listeners that they are for. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter::config {

// That of milter.listen, whose own name is empty; no [[listener]] may have it where there are any of these.
inline constexpr std::string_view kMilterListen = "milter";

// `names`: what one of these says; none: it is for all.
[[nodiscard]] inline bool holds_for(const std::vector<std::string>& names, std::string_view listener) {
    const std::string_view name = listener.empty() ? kMilterListen : listener;
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace evermilter::config
