// While one lives, operator new throws in this thread, once so many allocations have succeeded.
#pragma once

#include <limits>

namespace evermilter::test {

class NoMemory {
  public:
    explicit NoMemory(int pass, int count = std::numeric_limits<int>::max()) noexcept;
    ~NoMemory();
    NoMemory(const NoMemory&) = delete;
    NoMemory& operator=(const NoMemory&) = delete;

    // How many have failed; stays after the end of the last one.
    [[nodiscard]] static int failed() noexcept;
};

} // namespace evermilter::test
