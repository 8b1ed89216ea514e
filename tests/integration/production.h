// The service as a site runs it: started by root as a daemon, workers and scanners as two users, its log the system's,
// with a daemon that reads /dev/log. In a mount namespace of the test, whose /dev is its own.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "tests/support/service.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

// The system's log, as far as programs see it: reads what comes to /dev/log and appends each datagram as a line to a
// file. not_possible() where there can be no namespace.
class SystemLog {
  public:
    explicit SystemLog(const std::filesystem::path& folder); // for its socket and the file "log"
    ~SystemLog();
    SystemLog(const SystemLog&) = delete;
    SystemLog& operator=(const SystemLog&) = delete;

  private:
    void read_all();

    unique_fd socket_;
    unique_fd file_;
    unique_fd end_;
    std::thread reader_;
};

// Where scans put their files.
enum class TempOn { disk, tmpfs };
std::ostream& operator<<(std::ostream& out, TempOn where);

class Production : public Service {
  public:
    explicit Production(TempOn where, Keys keys = {});
    ~Production();
    // As a daemon; returns when it is ready.
    void start();

  private:
    static Keys production_keys(Keys keys);

    std::string mounted_; // the tmpfs, if there is one
    SystemLog system_log_;
};

} // namespace evermilter::test
