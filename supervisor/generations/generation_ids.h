// The ids of generations: they only grow, also across restarts. The last one is read before the first load; from then
// on it is counted here, and each loader records its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace evermilter::supervisor {

class GenerationIds {
  public:
    // The same until it is used.
    [[nodiscard]] std::uint64_t next(const std::string& state_directory);
    void used(std::uint64_t id) { last_ = id; }

  private:
    std::optional<std::uint64_t> last_; // read before the first load
};

} // namespace evermilter::supervisor
