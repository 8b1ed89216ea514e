#include "tests/support/busy_cpu.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace evermilter::test {
namespace {

// The last CPU that this process may use.
int last_cpu() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
    int last = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(static_cast<unsigned>(cpu), &allowed)) last = cpu;
    return last;
}

} // namespace

BusyCpu::BusyCpu() : cpu_(last_cpu()), thread_(&BusyCpu::work, this) {}

void BusyCpu::work() const {
    (void)take(::gettid());
    while (!done_.load()) {
    }
}

BusyCpu::~BusyCpu() {
    done_.store(true);
    thread_.join();
}

bool BusyCpu::take(pid_t thread) const {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(cpu_), &one);
    if (::sched_setaffinity(thread, sizeof one, &one) == 0) return true;
    if (errno == ESRCH) return false;
    throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
}

} // namespace evermilter::test
