// A memory control group of the test's own (cgroup v1 or v2). The kernel ends a process in it when all of them together
// hold more than the limit.
#pragma once

#include <cstdint>
#include <filesystem>

namespace evermilter::test {

class MemoryGroup {
  public:
    // Without a limit at first. Ends the test case as not possible if no group can be made.
    MemoryGroup();
    // All processes in the group must have ended.
    ~MemoryGroup();
    MemoryGroup(const MemoryGroup&) = delete;
    MemoryGroup& operator=(const MemoryGroup&) = delete;

    // While it lives the test itself is in the group. Processes that it starts meanwhile stay there for good.
    class Visit {
      public:
        explicit Visit(const MemoryGroup& group);
        ~Visit();
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;

      private:
        std::filesystem::path home_;
    };

    // Memory that is held and cannot be given back: file caches are left out.
    [[nodiscard]] std::uint64_t held() const;
    void limit(std::uint64_t bytes) const;
    // How many processes of the group the kernel has killed for want of memory.
    [[nodiscard]] std::uint64_t kills() const;

  private:
    std::filesystem::path home_; // the test's own group
    std::filesystem::path path_;
    bool second_ = false; // cgroup v2
};

} // namespace evermilter::test
