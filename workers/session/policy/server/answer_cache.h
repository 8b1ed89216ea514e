// Answers of a policy server for a few seconds. Pure, and not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "workers/common/base/clock.h"
#include "workers/session/policy/server/policy_answer.h"

namespace evermilter::session {

// The oldest goes when there is no room.
class AnswerCache {
  public:
    static constexpr std::size_t kRoom = 10'000;

    // `keep` 0: nothing is kept.
    explicit AnswerCache(std::chrono::milliseconds keep, std::size_t room = kRoom) : keep_(keep), room_(room) {}

    // Of the same key, and of a size for which the answer holds as well: one to go on for no larger message than it was
    // given for, one to refuse for no smaller one.
    [[nodiscard]] std::optional<PolicyAnswer> find(const std::string& key, std::uint64_t size, SteadyTime now);
    void keep(const std::string& key, std::uint64_t size, const PolicyAnswer& answer, SteadyTime now);
    [[nodiscard]] std::size_t size() const noexcept { return by_age_.size(); }

  private:
    struct Entry {
        std::string key;
        std::uint64_t size = 0;
        PolicyAnswer answer;
        SteadyTime until{};
    };
    void remove(std::list<Entry>::iterator entry);

    std::chrono::milliseconds keep_;
    std::size_t room_;
    std::list<Entry> by_age_; // the oldest first
    std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

} // namespace evermilter::session
