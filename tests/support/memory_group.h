// A memory control group of the test's own (cgroup v1 or v2), in which the kernel itself ends a process when what all
// of them hold passes a limit.
#pragma once

#include <cstdint>
#include <filesystem>

namespace evermilter::test {

class MemoryGroup {
  public:
    // Without a limit yet. Ends the test case as not possible where none can be made.
    MemoryGroup();
    // All who were in it must have ended.
    ~MemoryGroup();
    MemoryGroup(const MemoryGroup&) = delete;
    MemoryGroup& operator=(const MemoryGroup&) = delete;

    // As long as it lives the test itself is in the group, and so is whatever it starts, for good.
    class Visit {
      public:
        explicit Visit(const MemoryGroup& group);
        ~Visit();
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;

      private:
        std::filesystem::path home_;
    };

    // What is held and cannot be given back: caches of files are left out.
    [[nodiscard]] std::uint64_t held() const;
    void limit(std::uint64_t bytes) const;
    // How many processes of it the kernel has ended for want of memory.
    [[nodiscard]] std::uint64_t kills() const;

  private:
    std::filesystem::path home_; // the test's own group
    std::filesystem::path path_;
    bool second_ = false; // cgroup v2
};

} // namespace evermilter::test
