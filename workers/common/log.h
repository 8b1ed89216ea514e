// Log lines: one an event, `key=value`, to the system's log (facility mail) or standard error. Each line begins with
// event=, role= and pid=; values that contain blanks, quotes, '=' or anything unprintable are quoted and escaped, so
// that what a client sent can neither forge a field nor a line. A log that takes no line costs lines, which are
// counted: the supervisor never waits for it, a worker 100 ms once. SIGPIPE must be ignored. Any thread may log.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "config/config.h"

namespace evermilter::log {

using config::LogLevel;

struct Field {
    Field(std::string_view field_key, std::string_view field_value) : key(field_key), value(field_value) {}
    Field(std::string_view field_key, const char* field_value) : key(field_key), value(field_value) {}
    Field(std::string_view field_key, const std::string& field_value) : key(field_key), value(field_value) {}
    template <std::integral Number>
    Field(std::string_view field_key, Number number) : key(field_key), value(std::to_string(number)) {}

    std::string_view key;
    std::string value;
};

// Opens the target. `role` is "supervisor" or a role_name; it must outlive the process. Not thread-safe.
void open(const char* role, config::LogTarget target, LogLevel level);
// After SIGUSR1: connects to the system's log anew.
void reopen();
// In a forked process, before it closes what it inherited: the log closes its own descriptor itself, as nobody else may
// do it: its number would be another's by the time the log is opened anew. Lines that the process before had lost are
// not this one's. open() follows.
void leave();

// Lines that were lost from now on are added to `total` as well, which outlives the process; those of before come
// along.
void count_lost_in(std::atomic<std::uint64_t>& total);
// All that this process has lost. What a process that was forked from it lost is not in it.
[[nodiscard]] std::uint64_t lines_lost();

// No line is longer, with its newline: a pipe takes so many bytes whole or not at all (PIPE_BUF), and syslog daemons
// cut at 8 KiB. A value that has no room is cut, and the field cut= names its key.
inline constexpr std::size_t kLongestLine = 4096;
inline constexpr std::size_t kLongestValue = 1024;

// `event` is a constant in the style of "session-accepted". Empty values are left out.
void write(LogLevel level, std::string_view event, std::initializer_list<Field> fields = {});
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(LogLevel::error, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(LogLevel::warning, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(LogLevel::info, event, fields);
}
inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(LogLevel::debug, event, fields);
}

// A line in another program's form (logwatch); `text` is escaped like a value but never quoted.
void write_text(LogLevel level, std::string_view text);

// The form of one value: as it is, or quoted with \" \\ \n \r \t and \xHH for every other byte outside 0x20..0x7e
// that is not part of well-formed UTF-8; nor are invisible characters that end or turn a line for its reader.
[[nodiscard]] std::string escape_value(std::string_view value);

} // namespace evermilter::log
