// Keeps strangers from filling the log: of each peer and kind one line a minute, with the number that was left out.
// The first of each kind is always logged. Bounded memory. Pure: the clock is handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace evermilter::supervisor {

class LogLimit {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::size_t kMaxPeers = 1024; // beyond, new peers share one entry for each kind
    static constexpr std::chrono::minutes kInterval{1};

    // nullopt: do not log. Else how many lines were left out since the last one of this peer and kind.
    [[nodiscard]] std::optional<std::uint64_t> pass(const std::string& peer, const std::string& kind, Time now);

  private:
    struct Entry {
        Time logged;
        std::uint64_t left_out = 0;
    };
    void forget_old(Time now);

    std::map<std::pair<std::string, std::string>, Entry> entries_;
};

} // namespace evermilter::supervisor
