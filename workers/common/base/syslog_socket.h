// The system's log (RFC 3164, as syslog(3) writes it to /dev/log), one datagram a line. syslog(3) itself waits for as
// long as the log's daemon does not read: one that is stopped would stop all mail, and there is no call in the C
// library or in libsystemd that does not wait. Any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::log {

class SyslogSocket {
  public:
    explicit SyslogSocket(std::string path) : path_(std::move(path)) {}

    // Closes what is open and connects again. An Error only says that nobody is there now: each line tries again.
    Result<void> open();
    void close();
    // `priority` is facility and level, as for syslog(3). False: nobody has read for `patience` (zero: it does not
    // wait), or nobody is there, and the line is lost.
    [[nodiscard]] bool send(int priority, std::string_view line, std::chrono::milliseconds patience);

  private:
    [[nodiscard]] int try_send(const std::string& datagram); // 0 or errno

    const std::string path_;
    std::mutex mutex_;
    unique_fd socket_;
};

} // namespace evermilter::log
