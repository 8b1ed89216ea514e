// The exact bytes that a scanner gets: all scanners are stopped, the message is sent to its end, and its descriptor is
// read through /proc from the session worker, which keeps it until the answer.
#pragma once

#include <string>
#include <string_view>

#include "tests/support/service.h"

namespace evermilter::test {

struct Captured {
    std::string bytes;
    Verdict verdict;
};

// Sends `mail` on `client`, which must be the only session of `service` with a message.
[[nodiscard]] Captured capture(const Service& service, MilterClient& client, std::string_view mail,
                               const Envelope& envelope = {});

// What clamscan says of these bytes with the service's database: "OK" or "NAME FOUND".
[[nodiscard]] std::string clamscan(const Service& service, const std::string& bytes);

// Scanners that are stopped while this object lives. One that dies meanwhile is left alone.
class Stopped {
  public:
    explicit Stopped(std::vector<pid_t> pids);
    ~Stopped();
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;

  private:
    std::vector<pid_t> pids_;
};

} // namespace evermilter::test
