// The commands of the status socket: clamd's words and our own. Each gets its arguments and a place for its one
// answer, which may come later. The socket knows lines and bytes; this file knows what they mean.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "supervisor/front/entrance.h"
#include "supervisor/status/operations.h"

namespace evermilter::supervisor {

class Commands {
  public:
    // Call it once, with the text without its terminator. It may outlive the connection, and then does nothing.
    using Answer = std::function<void(std::string text)>;

    Commands(Operations& operations, const Entrance& entrance) : operations_(operations), entrance_(entrance) {}

    // One of clamd's words (PING, VERSION, RELOAD, STATS …). False: it is unknown, and nothing was answered.
    [[nodiscard]] bool run_clamd_word(std::string_view word, const Peer& peer, const Answer& answer);
    // One of our commands and its arguments, separated by blanks. Always answers.
    void run(std::string_view line, const Peer& peer, const Answer& answer);

  private:
    friend struct CommandTable;

    Operations& operations_;
    const Entrance& entrance_;
};

} // namespace evermilter::supervisor
