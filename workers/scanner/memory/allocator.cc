#include "workers/scanner/memory/allocator.h"

#include <malloc.h>

namespace evermilter::scanner {
namespace {

constexpr int kMiB = 1024 * 1024;
constexpr std::size_t kGrowth = 32UL * kMiB;

std::size_t heap_size() noexcept {
    return ::mallinfo2().arena;
}

} // namespace

void tune_allocator() noexcept {
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_MMAP_THRESHOLD, 256 * kMiB);
    ::mallopt(M_TRIM_THRESHOLD, 1024 * kMiB);
    ::mallopt(M_TOP_PAD, 64 * kMiB);
}

HeapGrowth::HeapGrowth() noexcept : before_(heap_size()) {}

void HeapGrowth::give_back() const noexcept {
    if (heap_size() > before_ + kGrowth) ::malloc_trim(0);
}

} // namespace evermilter::scanner
