// What a test and the library failing_new.so, which is loaded into a program of ours, say to each other: one page of
// memory that both map.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace evermilter::test {

inline constexpr const char* kFailingNewFile = "EVERMILTER_FAILING_NEW"; // environment: path of the page

struct FailingNewPage {
    std::atomic<std::int64_t> pass{0}; // how many allocations still succeed
    std::atomic<std::int64_t> fail{0}; // how many fail then; 0: all is well
    std::atomic<std::uint64_t> failed{0};
    std::array<std::atomic<std::int64_t>, 2> spared{}; // threads
};

} // namespace evermilter::test
