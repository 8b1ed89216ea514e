#include "workers/scanner/load_priority.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "workers/common/base/unique_fd.h"

namespace evermilter::scanner {
namespace {

// Field 3 of /proc/self/task/ID/stat (proc(5)): 'R' is running, or waiting for a CPU.
bool is_runnable(pid_t id) noexcept {
    std::array<char, 64> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/self/task/%d/stat", id);
    const unique_fd file(::open(path.data(), O_RDONLY | O_CLOEXEC));
    std::array<char, 256> text{};
    const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : -1;
    if (length <= 0) return false;
    const std::string_view stat(text.data(), static_cast<std::size_t>(length));
    const std::size_t behind_name = stat.rfind(')');
    return behind_name != std::string_view::npos && stat.substr(behind_name).starts_with(") R");
}

} // namespace

Result<void> take_lowest_priority() {
    // 0 is the calling thread, not its process (setpriority(2), "C library/kernel differences").
    if (::setpriority(PRIO_PROCESS, 0, kLowestPriority) != 0) return system_error("setpriority");
    return {};
}

ThreadLook look_at(pthread_t thread, pid_t id) noexcept {
    ThreadLook look;
    clockid_t clock{};
    timespec used{};
    if (::pthread_getcpuclockid(thread, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return look;
    look.cpu = std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
    look.wants = is_runnable(id);
    return look;
}

bool Starvation::starved(const ThreadLook& look) noexcept {
    if (!begun_)
        cpu_at_start_ = look.cpu;
    else if (look.wants)
        wanting_ += kInterval;
    begun_ = true;
    return wanting_ >= kLeast && 3 * (look.cpu - cpu_at_start_) < wanting_;
}

} // namespace evermilter::scanner
