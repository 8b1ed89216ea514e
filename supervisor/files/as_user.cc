#include "supervisor/files/as_user.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {
namespace {

[[noreturn]] void do_job(const Identity& user, const std::function<std::string()>& job, int output) {
    if (!become(user)) ::_exit(1);
    const std::string text = job();
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t put = ::write(output, text.data() + done, text.size() - done);
        if (put < 0) ::_exit(1);
        done += static_cast<std::size_t>(put);
    }
    ::_exit(0);
}

} // namespace

Result<std::string> as_user(const Identity& user, const std::function<std::string()>& job) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("a pipe");
    const unique_fd output(ends[0]);
    unique_fd input(ends[1]);
    const pid_t pid = ::fork();
    if (pid == 0) do_job(user, job, input.get());
    if (pid < 0) return system_error("cannot fork");
    input.reset();
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(output.get(), part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(got));
    int wait_status = 0;
    while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    if (wait_status != 0) return Error{0, "a process of user " + user.user + " could not be used"};
    return text;
}

} // namespace evermilter::supervisor
