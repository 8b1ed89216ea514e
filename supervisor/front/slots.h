// Which slots of a worker's scoreboard are free. The lowest free one is taken, so that a board that was full once
// is touched only at its front afterwards. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

namespace evermilter::supervisor {

class Slots {
  public:
    Slots() = default;
    explicit Slots(std::uint32_t count) : count_(count) {}

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint32_t used() const noexcept { return used_; }
    [[nodiscard]] std::uint32_t available() const noexcept { return count_ - used_; }

    // nullopt when all are taken.
    [[nodiscard]] std::optional<std::uint32_t> take();
    // Precondition: `slot` was taken and not given back.
    void give_back(std::uint32_t slot);

  private:
    std::uint32_t count_ = 0;
    std::uint32_t used_ = 0;
    std::uint32_t next_ = 0;           // slots from here on were never taken
    std::set<std::uint32_t> returned_; // below next_ and free
};

} // namespace evermilter::supervisor
