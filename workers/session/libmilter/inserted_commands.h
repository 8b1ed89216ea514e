// Commands that MTAs send in an order for which libmilter's table of states (engine.c, next_states) has no place,
// so that it drops them without an answer (seen with 8.17.1):
//   - end of message or body right after DATA or a header, without end of headers: what Sendmail sends for an
//     empty message;
//   - QUIT_NC anywhere but after an accepted message.
// Any other order that it would drop ends the session: the MTA would take the answer to a later command for this one's.
// Before such a command libmilter gets another that leads it to the right state. Until it has read that, its descriptor
// is a socket of ours, from which it reads the inserted command and into which it writes the answer that the MTA does
// not expect.
#pragma once

#include <string_view>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::session {

struct MissingCommands {
    std::string_view packets;   // to be read first; empty: none is missing
    bool takes_command = false; // the command itself is among them, and is not to be read from the connection
};

// What libmilter needs between `last` and `next` (SMFIC_ letters, macros left out; '\0': none). Pure.
[[nodiscard]] MissingCommands missing_commands(char last, char next) noexcept;

// Would libmilter drop `next` without an answer? `in_message`: a MAIL was accepted, and its message is not over. Of a
// command that gets no answer in any case, and of those that missing_commands() makes good, it is not asked. Pure.
[[nodiscard]] bool is_dropped(char last, bool in_message, char next) noexcept;

class InsertedCommands {
  public:
    // Puts a socket with `packets` in the place of `descriptor`. The connection stays open, kept here.
    [[nodiscard]] static Result<InsertedCommands> begin(int descriptor, std::string_view packets);

    // libmilter has read them all.
    [[nodiscard]] bool over(int descriptor) const noexcept;
    // Takes the packet of one byte that waits in the connection off it.
    void skip_packet() noexcept;
    // Puts the connection back in its place, if libmilter's answer to the first packet was to continue: after any other
    // it drops what comes next without an answer, and the client would wait for ever. On an Error the connection must
    // be closed.
    [[nodiscard]] Result<void> end(int descriptor);

  private:
    InsertedCommands(unique_fd connection, unique_fd far_end)
        : connection_(std::move(connection)), far_end_(std::move(far_end)) {}

    unique_fd connection_;
    unique_fd far_end_; // takes libmilter's answers, which nobody reads
};

} // namespace evermilter::session
