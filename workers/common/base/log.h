// Log lines: one an event, `key=value`, to the system's log (facility mail) or standard error. Each line begins with
// event=, role= and pid=; values that contain blanks, quotes, '=' or anything unprintable are quoted and escaped, so
// that what a client sent can neither forge a field nor a line. A log that takes no line costs lines, which are
// counted: the supervisor never waits for it, a worker 100 ms once. SIGPIPE must be ignored. Any thread may log.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "workers/common/base/log_level.h"
#include "workers/common/base/log_line.h"

namespace evermilter::log {

// Opens the target. `role` is "supervisor" or a role_name; it must outlive the process. Not thread-safe.
void open(const char* role, Target target, Level level);
// After SIGUSR1: connects to the system's log again.
void reopen();
// In a forked process, before it closes what it inherited: the log closes its own descriptor itself, as nobody else may
// do it: its number would be another's by the time the log is opened again. Lines that the process before had lost are
// not this one's. open() follows.
void leave();

// Lines that were lost from now on are added to `total` as well, which outlives the process; those of before come
// along.
void count_lost_in(std::atomic<std::uint64_t>& total);
// All that this process has lost. What a process that was forked from it lost is not in it.
[[nodiscard]] std::uint64_t lines_lost();

// `event` is a constant in the style of "session-accepted". Empty values are left out.
void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Level::error, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Level::warning, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Level::info, event, fields);
}
inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Level::debug, event, fields);
}

// A line in another program's form (logwatch); `text` is escaped like a value but never quoted.
void write_text(Level level, std::string_view text);

} // namespace evermilter::log
