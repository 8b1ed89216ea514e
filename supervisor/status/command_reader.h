// Cuts what a connection of the status socket has sent into commands. Pure.
// clamd's words come bare (one packet is one command; a newline or NUL is optional), as "n…\n" or as "z…\0". Our own
// commands are lines that end in a newline.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace evermilter::supervisor {

struct CommandReader {
    std::string text;
    bool prefixed = false;  // with clamd's n or z
    bool clamd = false;     // in capitals, or with clamd's prefix: answer as clamd does, then close
    char terminator = '\n'; // ends the answer
};

// A command that is longer, in bytes, is refused.
inline constexpr std::size_t kLongestCommand = 4096;

// Takes the next whole command out of `input`; nullopt: more bytes are needed. `ended`: no more will come, so what is
// left is a command even without its terminator. Skips empty lines.
[[nodiscard]] std::optional<CommandReader> take_command(std::string& input, bool ended);

} // namespace evermilter::supervisor
