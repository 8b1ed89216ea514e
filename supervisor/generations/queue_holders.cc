#include "supervisor/generations/queue_holders.h"

#include <algorithm>

namespace evermilter::supervisor {

void QueueHolders::expect_answer(Holder& holder, Moment now) {
    if (!holder.answer_by) holder.answer_by = now + kSilence;
}

// Each answer shows that it lives; what is still to come has its own time.
void QueueHolders::answered(Holder& holder, Moment now) {
    holder.answer_by.reset();
    if (!holder.taking.empty() || !holder.letting_go.empty()) holder.answer_by = now + kSilence;
}

void QueueHolders::given(WorkerId worker, std::uint64_t generation, Moment now) {
    Holder& holder = holders_[worker];
    holder.holds.insert(generation);
    holder.taking.insert(generation);
    expect_answer(holder, now);
}

void QueueHolders::asked_back(WorkerId worker, std::uint64_t generation, Moment now) {
    Holder& holder = holders_[worker];
    holder.letting_go.insert(generation);
    expect_answer(holder, now);
}

bool QueueHolders::taken(WorkerId worker, std::uint64_t generation, Moment now) {
    const auto found = holders_.find(worker);
    if (found == holders_.end() || found->second.taking.erase(generation) == 0) return false;
    answered(found->second, now);
    return true;
}

bool QueueHolders::released(WorkerId worker, std::uint64_t generation, Moment now) {
    const auto found = holders_.find(worker);
    if (found == holders_.end() || found->second.holds.erase(generation) == 0) return false;
    found->second.letting_go.erase(generation);
    answered(found->second, now);
    return true;
}

void QueueHolders::keep_only(const std::set<WorkerId>& living) {
    std::erase_if(holders_, [&](const auto& entry) { return !living.contains(entry.first); });
}

bool QueueHolders::is_held(std::uint64_t generation) const {
    return std::any_of(holders_.begin(), holders_.end(),
                       [generation](const auto& entry) { return entry.second.holds.contains(generation); });
}

bool QueueHolders::is_awaited(std::uint64_t generation) const {
    return std::any_of(holders_.begin(), holders_.end(),
                       [generation](const auto& entry) { return entry.second.taking.contains(generation); });
}

std::vector<QueueHolders::WorkerId> QueueHolders::holders(std::uint64_t generation) const {
    std::vector<WorkerId> found;
    for (const auto& [worker, holder] : holders_)
        if (holder.holds.contains(generation)) found.push_back(worker);
    return found;
}

std::vector<QueueHolders::WorkerId> QueueHolders::silent(Moment now) {
    std::vector<WorkerId> found;
    for (auto& [worker, holder] : holders_) {
        if (!holder.answer_by || now < *holder.answer_by) continue;
        holder.answer_by.reset();
        found.push_back(worker);
    }
    return found;
}

std::optional<Moment> QueueHolders::due() const {
    std::optional<Moment> first;
    for (const auto& [worker, holder] : holders_)
        if (holder.answer_by && (!first || *holder.answer_by < *first)) first = holder.answer_by;
    return first;
}

} // namespace evermilter::supervisor
