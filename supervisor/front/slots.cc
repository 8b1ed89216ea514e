#include "supervisor/front/slots.h"

namespace evermilter::supervisor {

std::optional<std::uint32_t> Slots::take() {
    if (used_ == count_) return std::nullopt;
    ++used_;
    if (returned_.empty()) return next_++;
    const std::uint32_t slot = *returned_.begin();
    returned_.erase(returned_.begin());
    return slot;
}

void Slots::give_back(std::uint32_t slot) {
    if (slot < next_ && returned_.insert(slot).second) --used_;
}

} // namespace evermilter::supervisor
