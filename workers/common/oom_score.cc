#include "workers/common/oom_score.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "workers/common/unique_fd.h"

namespace evermilter {

void raise_oom_score(int points) noexcept {
    constexpr int most = 1000;
    const unique_fd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
    if (!file) return;
    std::array<char, 16> text{};
    const ssize_t length = ::read(file.get(), text.data(), text.size());
    int score = 0;
    if (length <= 0 || std::from_chars(text.data(), text.data() + length, score).ec != std::errc{}) return;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), std::min(score + points, most)).ptr;
    [[maybe_unused]] const ssize_t written =
        ::pwrite(file.get(), text.data(), static_cast<std::size_t>(end - text.data()), 0);
}

} // namespace evermilter
