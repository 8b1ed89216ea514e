// Rate limit of log lines by peer and kind. Cannot fail.
#include "supervisor/front/log_limit.h"

#include <iterator>

namespace evermilter::supervisor {

std::optional<std::uint64_t> LogLimit::pass(const std::string& peer, const std::string& kind, Time now) {
    auto entry = entries_.find({peer, kind});
    if (entry == entries_.end()) {
        if (entries_.size() >= kMaxPeers) forget_old(now);
        const bool full = entries_.size() >= kMaxPeers;
        const auto [position, added] = entries_.try_emplace({full ? std::string() : peer, kind}, Entry{now, 0});
        if (added) return 0;
        entry = position;
    }
    if (now - entry->second.logged < kInterval) {
        ++entry->second.left_out;
        return std::nullopt;
    }
    const std::uint64_t left_out = entry->second.left_out;
    entry->second = {now, 0};
    return left_out;
}

void LogLimit::forget_old(Time now) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        entry = now - entry->second.logged >= kInterval ? entries_.erase(entry) : std::next(entry);
    }
}

} // namespace evermilter::supervisor
