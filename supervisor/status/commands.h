// The commands of the status socket: clamd's words and our own, in one table. Each is given its arguments and a
// place for its one answer, which may come later. The socket knows lines and bytes, this file what they mean.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "supervisor/front/entrance.h"
#include "supervisor/status/operations.h"

namespace evermilter::supervisor {

class Commands {
  public:
    // Called once, with the text without its terminator. A copy may be kept after the asker has gone: then it does
    // nothing.
    using Answer = std::function<void(std::string text)>;

    Commands(Operations& operations, const Entrance& entrance) : operations_(operations), entrance_(entrance) {}

    // One of PING, VERSION, RELOAD, STATS; false: no such word, nothing was answered.
    [[nodiscard]] bool run_clamd_word(std::string_view word, const Peer& peer, const Answer& answer);
    // A line of our own: a command and its arguments, separated by blanks. Always answers.
    void run(std::string_view line, const Peer& peer, const Answer& answer);

  private:
    friend struct CommandTable;

    Operations& operations_;
    const Entrance& entrance_;
};

} // namespace evermilter::supervisor
