// Errors of system calls that may go away without an administrator: something is full, exhausted or slow for the
// moment.
#pragma once

#include <cerrno>

namespace evermilter::supervisor {

[[nodiscard]] constexpr bool may_pass(int error) noexcept {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EROFS:
        case EIO:
        case ETIMEDOUT:
        case ENOMEM:
        case ENOBUFS:
        case ENFILE:
        case EMFILE:
        case EAGAIN: // of fork, or somebody else's lock
            return true;
        default:
            return false;
    }
}

} // namespace evermilter::supervisor
