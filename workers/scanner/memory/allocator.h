// How this program uses malloc(3). libclamav takes and frees about 40 MB for each scanned layer when there are many
// logical signatures; with glibc's defaults each of these is an mmap and a munmap (a 4 KB mail took 37 ms
// instead of 23 ms, 8 M signatures).
#pragma once

#include <cstddef>

namespace evermilter::scanner {

// Before the first thread and the first allocation of size. Keeps everything in one arena, so that what the load
// thread took is the heap that the scanners know.
void tune_allocator() noexcept;

// Looks at the heap when made; give_back() returns free memory to the system after growth of more than 32 MiB
// (one 40 MB mail left 69 MB private to its scanner).
class HeapGrowth {
  public:
    HeapGrowth() noexcept;
    void give_back() const noexcept;

  private:
    std::size_t before_ = 0;
};

} // namespace evermilter::scanner
