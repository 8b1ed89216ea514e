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
    // `address`: of the status socket, as status.socket has it.
    explicit StatusClient(std::string address) : address_(std::move(address)) {}

    // One of our own commands: the answer is one line, without its newline.
    [[nodiscard]] Result<std::string> command(const std::string& line, std::chrono::milliseconds timeout) const;
    // `metrics`: up to and with the line "# EOF".
    [[nodiscard]] Result<std::string> metrics(std::chrono::milliseconds timeout) const;
    // A word of clamd's: the answer until the supervisor closes, without its last newline.
    [[nodiscard]] Result<std::string> clamd_word(const std::string& word, std::chrono::milliseconds timeout) const;
    // As command(), but without an end of patience: the supervisor bounds a load. `on_tick` is called every `tick`
    // while the answer is awaited.
    [[nodiscard]] Result<std::string> command_waiting(const std::string& line, std::chrono::milliseconds tick,
                                                      const std::function<void()>& on_tick) const;

  private:
    [[nodiscard]] Result<unique_fd> ask(const std::string& bytes, Deadline deadline) const;

    std::string address_;
};

} // namespace evermilter::ctl
