#include "workers/scanner/memory/huge_pages.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <ctime>
#include <span>
#include <vector>

#include "tests/support/in_child.h"

namespace evermilter::scanner {
namespace {

constexpr std::size_t kSize = 32UL << 20U;
constexpr std::size_t kPage = 4096;

// Private memory of kSize bytes, each `step`-th page of it written.
std::span<std::uint8_t> memory(std::size_t step) {
    void* begin = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) return {};
    (void)::madvise(begin, kSize, MADV_NOHUGEPAGE); // what it is made of before is small pages
    const std::span bytes(static_cast<std::uint8_t*>(begin), kSize);
    for (std::size_t at = 0; at < kSize; at += step * kPage)
        bytes[at] = static_cast<std::uint8_t>(at / kPage % 255 + 1);
    (void)::madvise(begin, kSize, MADV_HUGEPAGE);
    return bytes;
}

// How many pages of it are in memory.
std::size_t present(std::span<std::uint8_t> bytes) {
    std::vector<unsigned char> pages(bytes.size() / kPage);
    if (::mincore(bytes.data(), bytes.size(), pages.data()) != 0) return 0;
    return static_cast<std::size_t>(
        std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1U) != 0; }));
}

} // namespace

using test::holds_in_child;

BOOST_AUTO_TEST_SUITE(huge_pages)

BOOST_AUTO_TEST_CASE(what_is_in_memory_stays_what_it_was) {
    BOOST_TEST(holds_in_child([] {
        const auto bytes = memory(1);
        (void)collapse_memory();
        for (std::size_t at = 0; at < bytes.size(); at += kPage)
            if (bytes[at] != at / kPage % 255 + 1 || bytes[at + 1] != 0) return false;
        return !bytes.empty();
    }));
}

BOOST_AUTO_TEST_CASE(memory_that_is_full_of_holes_is_left_alone) {
    BOOST_TEST(holds_in_child([] {
        const auto bytes = memory(2);
        const auto before = present(bytes);
        (void)collapse_memory();
        return before == kSize / kPage / 2 && present(bytes) == before;
    }));
}

BOOST_AUTO_TEST_CASE(in_a_reservation_with_nothing_in_it_no_time_is_spent) {
    BOOST_TEST(holds_in_child([] {
        // To look through 16 TiB takes 17 s. Under the thread sanitizer there is room for one, and not by its mmap().
        constexpr std::size_t kReserved = std::size_t{1} << 40U;
        int reserved = 0;
        while (reserved < 16 && ::syscall(SYS_mmap, nullptr, kReserved, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != -1)
            ++reserved;
        if (reserved == 0 || memory(1).empty()) return false;
        const std::clock_t before = std::clock();
        (void)collapse_memory();
        return std::clock() - before < 2 * CLOCKS_PER_SEC;
    }));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
