#include "workers/scanner/memory/huge_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "workers/common/base/unique_fd.h"

namespace evermilter::scanner {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPagesOfLarge = 512;
constexpr std::uint64_t kLarge = kPage * kPagesOfLarge;
// A large page fills the holes in what it replaces: with an eighth of them at most memory hardly grows.
constexpr std::int64_t kLeastPresent = kPagesOfLarge * 7 / 8;
constexpr int kCollapse = 25; // MADV_COLLAPSE; the headers of glibc 2.36 do not have it
// A mapping this many times as large as all that the process has in memory is a reservation with next to nothing in
// it, such as the shadow memory of a sanitizer: 16 TB, in which to look for full pages takes 15 s.
constexpr std::uint64_t kReservation = 64;

// How many of the pages from `address` on are in memory (proc(5), pagemap: bit 63).
std::int64_t present(int pagemap, std::uint64_t address) {
    std::array<std::uint64_t, kPagesOfLarge> entries{};
    const auto got =
        ::pread(pagemap, entries.data(), sizeof entries, static_cast<off_t>(address / kPage * sizeof(std::uint64_t)));
    if (got != sizeof entries) return 0;
    return std::count_if(entries.begin(), entries.end(), [](std::uint64_t entry) { return (entry >> 63U) != 0; });
}

// The kernel copies into a large page in one piece, in which nothing else runs on that CPU where the kernel is not
// preemptible. In a virtual machine whose host gives memory only when it is touched that takes 8 ms for a page that was
// never used, and 0.5 ms for one that was. So the page that a collapse will take is used just before: it is cleared,
// which is interruptible at each small page, and given back.
class NextLargePage {
  public:
    NextLargePage() noexcept
        : map_(
              ::mmap(nullptr, 2 * kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
        std::size_t space = 2 * kLarge;
        page_ = map_ == MAP_FAILED ? nullptr : map_;
        page_ = std::align(kLarge, kLarge, page_, space);
        if (page_ != nullptr && ::madvise(page_, kLarge, MADV_HUGEPAGE) != 0) page_ = nullptr;
    }
    ~NextLargePage() {
        if (map_ != MAP_FAILED) (void)::munmap(map_, 2 * kLarge);
    }
    NextLargePage(const NextLargePage&) = delete;
    NextLargePage& operator=(const NextLargePage&) = delete;

    void use() noexcept {
        if (page_ == nullptr) return;
        *static_cast<volatile char*>(page_) = 1;
        (void)::madvise(page_, kLarge, MADV_DONTNEED);
    }

  private:
    void* map_;
    void* page_ = nullptr; // nullptr: collapses go without
};

// Bytes of this process in memory (proc(5), statm); 0 if that cannot be read.
std::uint64_t resident() {
    std::array<char, 128> line{};
    const unique_fd statm(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
    std::uint64_t pages = 0;
    if (!statm || ::read(statm.get(), line.data(), line.size() - 1) <= 0 ||
        std::sscanf(line.data(), "%*s %" SCNu64, &pages) != 1)
        return 0;
    return pages * kPage;
}

unique_fd g_pagemap; // of this process, until it is used

struct CloseFile {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
};

} // namespace

void prepare_to_collapse() noexcept {
    g_pagemap.reset(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
}

std::size_t collapse_memory() noexcept {
    if (!g_pagemap) prepare_to_collapse();
    const unique_fd pagemap = std::move(g_pagemap);
    const std::unique_ptr<std::FILE, CloseFile> maps(std::fopen("/proc/self/maps", "re"));
    if (!pagemap || !maps || ::sysconf(_SC_PAGESIZE) != static_cast<long>(kPage)) return 0;
    NextLargePage next;
    const std::uint64_t largest = kReservation * resident();
    std::size_t collapsed = 0;
    std::array<char, 512> line{};
    while (std::fgets(line.data(), static_cast<int>(line.size()), maps.get()) != nullptr) {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::uint64_t inode = 1;
        std::array<char, 5> access{};
        if (std::sscanf(line.data(), "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %" SCNu64, &begin, &end, access.data(),
                        &inode) != 4)
            continue;
        if (inode != 0 || access[1] != 'w' || access[3] != 'p' || end - begin > largest) continue;
        for (std::uint64_t at = (begin + kLarge - 1) / kLarge * kLarge; at + kLarge <= end; at += kLarge) {
            if (present(pagemap.get(), at) < kLeastPresent) continue;
            next.use();
            // One at a time: the lock on the address space is free in between.
            // NOLINTNEXTLINE(performance-no-int-to-ptr): an address as the kernel tells it
            if (::madvise(reinterpret_cast<void*>(at), kLarge, kCollapse) == 0)
                ++collapsed;
            else if (errno == EINVAL && collapsed == 0)
                return 0; // no such advice, or no large pages
        }
    }
    return collapsed;
}

} // namespace evermilter::scanner
