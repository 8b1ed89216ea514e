// Loaded before everything else (LD_PRELOAD): operator new throws when the test says so. It affects only our code: the
// C libraries (libmilter, libev) allocate with malloc(3), which stays as it is.
#include "tests/integration/preload/failing_new.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

namespace {

using evermilter::test::FailingNewPage;

FailingNewPage* map_page() {
    const char* const path = std::getenv(evermilter::test::kFailingNewFile);
    if (path == nullptr) return nullptr;
    const int file = ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* const page = ::mmap(nullptr, sizeof(FailingNewPage), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return page == MAP_FAILED ? nullptr : static_cast<FailingNewPage*>(page);
}

bool spared(const FailingNewPage& page) {
    thread_local const std::int64_t thread = ::gettid();
    for (const auto& one : page.spared)
        if (one.load() == thread) return true;
    return false;
}

bool fails() {
    static FailingNewPage* const page = map_page();
    if (page == nullptr || page->fail.load() <= 0 || spared(*page)) return false;
    if (page->pass.fetch_sub(1) > 0) return false;
    if (page->fail.fetch_sub(1) <= 0) return false;
    page->failed.fetch_add(1);
    return true;
}

} // namespace

void* operator new(std::size_t size) {
    void* const memory = fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}
