// Standard error, whatever it is: a pipe of a container's log driver, a socket of the journal, a terminal, a file. A
// line is written whole or lost, and nobody waits for who does not read.
#pragma once

#include <chrono>
#include <string_view>

namespace evermilter {

// Opens a standard error that is a pipe or a terminal again, non-blocking: an open file description of our own, so that
// others who write there keep theirs as it is. For this process and all that it starts. What cannot be opened again (a
// pipe of another user, a socket) stays; write_standard_error() does not wait for that either.
void own_standard_error() noexcept;

// `line` with its newline; a pipe takes up to PIPE_BUF bytes whole. False: nobody has read for `patience` (zero: it
// does not wait), nobody is there, or there is no room on the disk; the line is lost. SIGPIPE must be ignored. Any
// thread.
[[nodiscard]] bool write_standard_error(std::string_view line, std::chrono::milliseconds patience);

} // namespace evermilter
