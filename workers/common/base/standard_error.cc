#include "workers/common/base/standard_error.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "workers/common/base/unique_fd.h"

namespace evermilter {
namespace {

// A line was written in part, by this process: the next one begins on a line of its own.
std::atomic<bool> g_torn{false};

bool is_socket() {
    struct stat status {};
    return ::fstat(STDERR_FILENO, &status) == 0 && S_ISSOCK(status.st_mode);
}

ssize_t put(std::string_view bytes, bool socket) {
    return socket ? ::send(STDERR_FILENO, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                  : ::write(STDERR_FILENO, bytes.data(), bytes.size());
}

} // namespace

void own_standard_error() noexcept {
    struct stat status {};
    if (::fstat(STDERR_FILENO, &status) != 0) return;
    if (!S_ISFIFO(status.st_mode) && (!S_ISCHR(status.st_mode) || ::isatty(STDERR_FILENO) == 0)) return;
    const unique_fd own(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) (void)::dup2(own.get(), STDERR_FILENO);
}

bool write_standard_error(std::string_view line, std::chrono::milliseconds patience) {
    // ppoll(2), because the session workers' program defines poll() (workers/session/libmilter/interpose.h). A pipe
    // that polls writable has room for PIPE_BUF bytes.
    pollfd entry{STDERR_FILENO, POLLOUT, 0};
    const timespec wait{patience.count() / 1000, patience.count() % 1000 * 1'000'000};
    if (::ppoll(&entry, 1, &wait, nullptr) == 0) return false;
    const bool socket = is_socket();
    std::string after_torn;
    if (g_torn.load()) line = after_torn.append("\n").append(line);
    ssize_t written = put(line, socket);
    if (written < 0 && errno == EINTR) written = put(line, socket);
    if (written < 0) return false;
    const bool whole = static_cast<std::size_t>(written) == line.size();
    g_torn.store(!whole);
    return whole;
}

} // namespace evermilter
