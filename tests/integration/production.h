// The service as a site runs it: started by root as a daemon, workers and scanners as two users, logging to the
// system's log, whose daemon reads /dev/log. It runs in a mount namespace of the test, which has its own /dev.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "tests/support/service.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

// The system's log, as far as programs see it: reads what comes to /dev/log and appends each datagram as a line to a
// file. not_possible() if no namespace can be made.
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

// The file system of the scanners' temp directory.
enum class TempOn { disk, tmpfs };
std::ostream& operator<<(std::ostream& out, TempOn where);

class Production : public Service {
  public:
    explicit Production(TempOn where, Keys keys = {});
    ~Production();
    // Starts it as a daemon; returns when it is ready.
    void start();

  private:
    static Keys production_keys(Keys keys);

    std::string mounted_; // the tmpfs, if there is one
    SystemLog system_log_;
};

} // namespace evermilter::test
