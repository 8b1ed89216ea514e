#include "workers/scanning/memory_budget.h"

#include <algorithm>
#include <limits>

namespace evermilter::scanning {

// The others' numbers are not proven: the sum is cut off, it never wraps.
std::uint64_t MemoryBudget::of_others() const noexcept {
    std::uint64_t sum = 0;
    if (!board_) return sum;
    const std::size_t given = std::min<std::size_t>(board_->header().given.load(), board_->slots());
    for (std::size_t i = 0; i < given; ++i) {
        const MemorySlot& slot = board_->slot(i);
        if (&slot == own_) continue;
        const std::uint64_t bytes = slot.bytes.load();
        if (bytes > std::numeric_limits<std::uint64_t>::max() - sum) return std::numeric_limits<std::uint64_t>::max();
        sum += bytes;
    }
    return sum;
}

bool MemoryBudget::take(std::uint64_t bytes) noexcept {
    std::uint64_t used = own_->bytes.load();
    do {
        const std::uint64_t others = of_others();
        if (others > limit_ || used > limit_ - others || bytes > limit_ - others - used) return false;
    } while (!own_->bytes.compare_exchange_weak(used, used + bytes));
    // Another worker may have taken the same bytes meanwhile; the one that looks last sees both (one order of all).
    const std::uint64_t others = of_others();
    if (others <= limit_ && own_->bytes.load() <= limit_ - others) return true;
    give_back(bytes);
    return false;
}

} // namespace evermilter::scanning
