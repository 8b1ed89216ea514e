#include "workers/common/base/unique_fd.h"

#include <cerrno>

namespace evermilter {

void unique_fd::reset(int fd) noexcept {
    const int old = std::exchange(fd_, fd);
    if (old < 0) return;
    const int saved = errno;
    ::close(old);
    errno = saved;
}

} // namespace evermilter
