// The form of a log line: how values are escaped, and how long a line may become whatever clients send. The system's
// log cuts lines (rsyslog at 8 KiB, others at 2), and a pipe takes no more than PIPE_BUF bytes in one piece. Pure.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace evermilter::log {

struct Field {
    Field(std::string_view field_key, std::string_view field_value) : key(field_key), value(field_value) {}
    Field(std::string_view field_key, const char* field_value) : key(field_key), value(field_value) {}
    Field(std::string_view field_key, const std::string& field_value) : key(field_key), value(field_value) {}
    template <std::integral Number>
    Field(std::string_view field_key, Number number) : key(field_key), value(std::to_string(number)) {}

    std::string_view key;
    std::string value;
};

// A line with what a log puts before it (priority, date, program) is shorter than 2 KiB.
inline constexpr std::size_t kLongestLine = 1900;

// The length of a well-formed UTF-8 sequence of two to four bytes at the start of `text`, which is not empty, else 0
// (RFC 3629); 0 too for controls and for what makes a line look like another.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// `head` and the fields behind it, in their order; empty values are left out. When that is longer than kLongestLine the
// longest values are cut, all to the same length, so that short ones (verdicts, numbers) always stand whole.
[[nodiscard]] std::string compose(std::string head, std::span<const Field> fields);

// The form of one value: as it is, or quoted with \" \\ \n \r \t and \xHH for every other byte outside 0x20..0x7e
// that is not part of well-formed UTF-8; nor are invisible characters that end or turn a line for its reader.
[[nodiscard]] std::string escape_value(std::string_view value);

// The text of a line of another form: every byte escaped as in escape_value(), nothing quoted.
[[nodiscard]] std::string escape(std::string_view value);

// `value`, or as much of it as takes `longest` bytes in its escaped form, the note of how many bytes are missing
// ("[+930]") included.
[[nodiscard]] std::string shortened(std::string_view value, std::size_t longest);

} // namespace evermilter::log
