// The side of a service manager that is told how a service stands (sd_notify(3)): a real datagram socket.
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
    // Waits for one with the line `line`, or one that begins with it; returns the datagram. Those before it are kept
    // in seen().
    std::string wait_line(const std::string& line);
    [[nodiscard]] const std::vector<std::string>& seen() const { return seen_; }
    // Waits until none with the line has come for so long. What comes meanwhile is thrown away.
    void wait_silence(const std::string& line, std::chrono::milliseconds silence);
    // Sends to itself until nobody can send any more.
    void fill() const;

  private:
    std::string path_;
    unique_fd socket_;
    std::vector<std::string> seen_;
};

// Whether `datagram` has the line; what follows a "=" in `line` may be left out.
[[nodiscard]] bool has_line(const std::string& datagram, const std::string& line);
// The value of "NAME=value" in it, or "".
[[nodiscard]] std::string value_of(const std::string& datagram, const std::string& name);

} // namespace evermilter::test
