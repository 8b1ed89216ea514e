// A CPU that a thread of the test keeps busy at the usual priority, to test what must go on without CPU time.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <thread>

namespace evermilter::test {

class BusyCpu {
  public:
    // Throws std::system_error if the kernel lets no thread be bound to a CPU.
    BusyCpu();
    ~BusyCpu();
    BusyCpu(const BusyCpu&) = delete;
    BusyCpu& operator=(const BusyCpu&) = delete;

    // Binds a thread of any process of this user to that CPU; false if the thread has ended.
    [[nodiscard]] bool take(pid_t thread) const;

  private:
    void work() const;

    int cpu_;
    std::atomic<bool> done_{false};
    std::thread thread_;
};

} // namespace evermilter::test
