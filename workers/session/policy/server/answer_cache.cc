#include "workers/session/policy/server/answer_cache.h"

#include <utility>

namespace evermilter::session {

std::optional<PolicyAnswer> AnswerCache::find(const std::string& key, std::uint64_t size, SteadyTime now) {
    while (!by_age_.empty() && by_age_.front().until <= now) remove(by_age_.begin());
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return std::nullopt;
    const Entry& entry = *found->second;
    const bool holds = entry.answer.kind == PolicyAnswer::Kind::go_on ? size <= entry.size : size >= entry.size;
    if (!holds) return std::nullopt;
    return entry.answer;
}

void AnswerCache::keep(const std::string& key, std::uint64_t size, const PolicyAnswer& answer, SteadyTime now) {
    if (keep_.count() == 0 || room_ == 0) return;
    if (const auto old = by_key_.find(key); old != by_key_.end()) remove(old->second);
    if (by_age_.size() >= room_) remove(by_age_.begin());
    by_age_.push_back({key, size, answer, now + keep_});
    by_key_.emplace(key, std::prev(by_age_.end()));
}

void AnswerCache::remove(std::list<Entry>::iterator entry) {
    by_key_.erase(entry->key);
    by_age_.erase(entry);
}

} // namespace evermilter::session
