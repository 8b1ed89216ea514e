// The shared memory, one page, by which a test controls the library failing_new.so that is loaded into a program of
// ours.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace evermilter::test {

inline constexpr const char* kFailingNewFile = "EVERMILTER_FAILING_NEW"; // environment: path of the page

struct FailingNewPage {
    std::atomic<std::int64_t> pass{0}; // how many allocations still succeed
    std::atomic<std::int64_t> fail{0}; // how many fail after that; 0: none
    std::atomic<std::uint64_t> failed{0};
    std::array<std::atomic<std::int64_t>, 2> spared{}; // threads
};

} // namespace evermilter::test
