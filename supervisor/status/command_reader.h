// What a connection of the status socket has sent, cut into commands. Pure.
// clamd's words come bare (one packet is one command, a newline or NUL is optional), as "n…\n" or as "z…\0"; ours are
// lines that end in a newline.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace evermilter::supervisor {

struct CommandReader {
    std::string text;
    bool prefixed = false;  // with clamd's n or z
    bool clamd = false;     // in capitals, or with clamd's prefix: to be answered in clamd's way, and closed after
    char terminator = '\n'; // of the answer
};

// The longest command that is waited for, in bytes.
inline constexpr std::size_t kLongestCommand = 4096;

// Takes the next whole command out of `input`; nullopt: more is needed. `ended`: no more will come, so that a rest
// without its terminator is a command too. Empty lines are skipped.
[[nodiscard]] std::optional<CommandReader> take_command(std::string& input, bool ended);

} // namespace evermilter::supervisor
