// The operators' side of the status socket.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

class StatusClient {
  public:
    // Throws std::system_error if nobody listens.
    explicit StatusClient(const std::string& path);

    void send(std::string_view bytes);
    // Up to `end`, without it; or everything until the other side closes.
    [[nodiscard]] std::string receive_until(char end);
    [[nodiscard]] std::string receive_all();

    // Sends one command of ours; returns the JSON document.
    [[nodiscard]] nlohmann::json ask(const std::string& command);

    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    unique_fd fd_;
    std::string pending_;
};

} // namespace evermilter::test
