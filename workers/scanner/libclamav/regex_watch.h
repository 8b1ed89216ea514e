// A regular expression of a signature that stops at a limit of PCRE has not looked at its file wholly; libclamav says
// so in a debug message alone (regex_pcre.c, 1.4). So the program defines pcre2_match_8(), which libclamav then calls:
// it does what the library's does, and notes what stopped. One scan at a time in a process.
#pragma once

#include <string_view>

namespace evermilter::scanner {

// Forgets what was noted.
void watch_regexes() noexcept;
// The limit that a match has stopped at since then, by the name of libclamav's option: "PCREMatchLimit",
// "PCRERecMatchLimit"; empty: none.
[[nodiscard]] std::string_view regex_limit_reached() noexcept;

} // namespace evermilter::scanner
