#include "workers/common/base/descriptors.h"

#include <unistd.h>

namespace evermilter {

bool close_all_but(std::initializer_list<int> kept) noexcept {
    unsigned first = STDERR_FILENO + 1;
    for (;;) {
        // The lowest of those that are not behind us.
        unsigned next = ~0U;
        for (const int fd : kept)
            if (fd >= 0 && static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) < next)
                next = static_cast<unsigned>(fd);
        if (next == ~0U) return ::close_range(first, ~0U, 0) == 0;
        if (next > first && ::close_range(first, next - 1, 0) != 0) return false;
        first = next + 1;
    }
}

} // namespace evermilter
