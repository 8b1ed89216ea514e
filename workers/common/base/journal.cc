#include "workers/common/base/journal.h"

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace evermilter::log {

bool standard_error_is_journal() noexcept {
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
    const std::string_view text(stream);
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    const auto [colon, no_device] = std::from_chars(text.data(), text.data() + text.size(), device);
    if (no_device != std::errc{} || colon == text.data() + text.size() || *colon != ':') return false;
    const auto [end, no_inode] = std::from_chars(colon + 1, text.data() + text.size(), inode);
    return no_inode == std::errc{} && end == text.data() + text.size() && device == status.st_dev &&
           inode == status.st_ino;
}

int priority(Level level) noexcept {
    switch (level) {
        case Level::error:
            return LOG_ERR;
        case Level::warning:
            return LOG_WARNING;
        case Level::info:
            return LOG_INFO;
        case Level::debug:
            return LOG_DEBUG;
    }
    return LOG_ERR;
}

std::string journal_prefix(Level level) {
    return standard_error_is_journal() ? '<' + std::to_string(priority(level)) + '>' : "";
}

} // namespace evermilter::log
