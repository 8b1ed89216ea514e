#include "workers/common/base/oom_score.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "workers/common/base/process_state.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter {

namespace {

void raise_in(const char* path, int points) noexcept {
    constexpr int most = 1000;
    const unique_fd file(::open(path, O_RDWR | O_CLOEXEC));
    if (!file) return;
    std::array<char, 16> text{};
    const ssize_t length = ::read(file.get(), text.data(), text.size());
    int score = 0;
    if (length <= 0 || std::from_chars(text.data(), text.data() + length, score).ec != std::errc{}) return;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), std::min(score + points, most)).ptr;
    [[maybe_unused]] const ssize_t written =
        ::pwrite(file.get(), text.data(), static_cast<std::size_t>(end - text.data()), 0);
}

} // namespace

void raise_oom_score(int points) noexcept {
    raise_in("/proc/self/oom_score_adj", points);
}

void raise_hidden_oom_score(int points) noexcept {
    (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    raise_oom_score(points);
    hide_memory();
}

void raise_oom_score_of(pid_t pid, int points) noexcept {
    std::array<char, 64> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/%d/oom_score_adj", pid);
    raise_in(path.data(), points);
}

} // namespace evermilter
