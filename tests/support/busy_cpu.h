// A CPU that a thread of the test keeps busy at the usual priority, for what must go on where it gets no CPU time.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <thread>

namespace evermilter::test {

class BusyCpu {
  public:
    // Throws std::system_error where the kernel lets no thread be bound to a CPU.
    BusyCpu();
    ~BusyCpu();
    BusyCpu(const BusyCpu&) = delete;
    BusyCpu& operator=(const BusyCpu&) = delete;

    // Binds a thread of any process of this user to that CPU; false if it has ended.
    [[nodiscard]] bool take(pid_t thread) const;

  private:
    void work() const;

    int cpu_;
    std::atomic<bool> done_{false};
    std::thread thread_;
};

} // namespace evermilter::test
