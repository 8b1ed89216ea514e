// The service manager's side of sd_notify(3), which receives the state of a service: a real datagram socket.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

class NotifySocket {
  public:
    // Binds `path`; "@name" is an abstract one.
    explicit NotifySocket(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string receive(); // waits for the next datagram
    // Waits for a datagram that has the line `line`, or one that begins with it; returns the datagram. Earlier ones are
    // kept in seen().
    std::string wait_line(const std::string& line);
    [[nodiscard]] const std::vector<std::string>& seen() const { return seen_; }
    // Waits until no datagram with the line has come for `silence`. Whatever comes meanwhile is thrown away.
    void wait_silence(const std::string& line, std::chrono::milliseconds silence);
    // Sends to itself until the socket takes no more.
    void fill() const;

  private:
    std::string path_;
    unique_fd socket_;
    std::vector<std::string> seen_;
};

// Whether `datagram` has the line; the part after a "=" in `line` may be left out.
[[nodiscard]] bool has_line(const std::string& datagram, const std::string& line);
// The value of "NAME=value" in the datagram, or "".
[[nodiscard]] std::string value_of(const std::string& datagram, const std::string& name);

} // namespace evermilter::test
