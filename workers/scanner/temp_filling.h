// Whether the scan that runs has filled the file system of its temp directory by itself: then no other scanner and no
// later time would have more room for it, and its message is incomplete rather than to be tried again. Measured at the
// moment at which a write fails for want of room, because libclamav removes its files before it returns.
// libclamav writes through write(2) and stdio; the program defines write(), which libclamav then calls, and
// stdio_watch.cc does the same for stdio. One scan at a time in a process.
#pragma once

#include <cstdint>
#include <string>

namespace evermilter::scanner {

// A scan begins that puts its files into `directory`.
void watch_temp_directory(const std::string& directory);
// Since then a write has failed for want of room: something was lost, whatever libclamav makes of that.
[[nodiscard]] bool room_ran_out() noexcept;
// And all but a tenth of what the file system held was its own.
[[nodiscard]] bool temp_directory_filled() noexcept;
// A write has failed with ENOSPC. Keeps errno.
void no_space_left() noexcept;

// Of `used` bytes in use on a file system, `own` are of the scan.
[[nodiscard]] constexpr bool filled_alone(std::uint64_t own, std::uint64_t used) noexcept {
    return own > 0 && own >= used - used / 10;
}

} // namespace evermilter::scanner
