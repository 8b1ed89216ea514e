// A process that is short of something that the kernel rations (setrlimit(2)), and what it costs meanwhile.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <memory>
#include <vector>

namespace evermilter::test {

using Resource = decltype(RLIMIT_AS);

// While this object lives the process has the soft limit `value`. Fails the test if the limit is refused.
class Limited {
  public:
    Limited(pid_t pid, Resource resource, rlim_t value);
    ~Limited();
    Limited(const Limited&) = delete;
    Limited& operator=(const Limited&) = delete;

  private:
    pid_t pid_;
    Resource resource_;
    rlim_t before_ = 0;
};
using Limits = std::vector<std::unique_ptr<Limited>>;

// Checks that these processes use next to no CPU time for a second.
void nobody_spins(const std::vector<pid_t>& pids);

} // namespace evermilter::test
