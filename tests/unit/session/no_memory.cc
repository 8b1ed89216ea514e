// See no_memory.h. Replaces operator new in this test binary.
#include "tests/unit/session/no_memory.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

thread_local int t_pass = 0;
thread_local int t_fail = 0; // 0: all is well
thread_local int t_failed = 0;

bool fails() noexcept {
    if (t_fail == 0) return false;
    if (t_pass > 0) {
        --t_pass;
        return false;
    }
    --t_fail;
    ++t_failed;
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

namespace evermilter::test {

NoMemory::NoMemory(int pass, int count) noexcept {
    t_pass = pass;
    t_fail = count;
    t_failed = 0;
}

NoMemory::~NoMemory() {
    t_fail = 0;
}

int NoMemory::failed() noexcept {
    return t_failed;
}

} // namespace evermilter::test
