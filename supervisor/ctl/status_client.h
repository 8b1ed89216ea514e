// The status socket from the operator's side: one command, one answer.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "supervisor/ctl/socket_connect.h"

namespace evermilter::ctl {

class StatusClient {
  public:
    // `address`: of the status socket, in the form of status.socket.
    explicit StatusClient(std::string address) : address_(std::move(address)) {}

    // The answer to one of our own commands: one line, without its newline.
    [[nodiscard]] Result<std::string> command(const std::string& line, std::chrono::milliseconds timeout) const;
    // The answer to `metrics`, up to and with the line "# EOF".
    [[nodiscard]] Result<std::string> metrics(std::chrono::milliseconds timeout) const;
    // The answer to a word of clamd's, up to the close, without its last newline.
    [[nodiscard]] Result<std::string> clamd_word(const std::string& word, std::chrono::milliseconds timeout) const;
    // As command(), but waits as long as it takes: the supervisor bounds a load. Calls `on_tick` every `tick` until the
    // answer comes.
    [[nodiscard]] Result<std::string> command_waiting(const std::string& line, std::chrono::milliseconds tick,
                                                      const std::function<void()>& on_tick) const;

  private:
    [[nodiscard]] Result<unique_fd> ask(const std::string& bytes, Deadline deadline) const;

    std::string address_;
};

} // namespace evermilter::ctl
