// Log lines: one an event, `key=value`, to the system's log (facility mail) or standard error. Each line begins with
// event=, role= and pid=; values that contain blanks, quotes, '=' or anything unprintable are quoted and escaped, so
// that what a client sent can neither forge a field nor a line. A log that takes no line costs lines, which are
// counted: the supervisor never waits for it, a worker 100 ms once. Any thread may log.
#pragma once

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
// After SIGUSR1, and in a forked process that has closed its descriptors: connects to the system's log anew.
void reopen();

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
