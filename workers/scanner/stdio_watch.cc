#include "workers/scanner/stdio_watch.h"

#include <dlfcn.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "workers/scanner/temp_filling.h"

namespace {

std::atomic<unsigned long> g_failed{0};

using StreamFunction = int (*)(FILE*);

// The next definition of `name` after the program's own: libc's.
StreamFunction next(const char* name) noexcept {
    void* found = ::dlsym(RTLD_NEXT, name);
    if (found == nullptr) std::abort();
    return reinterpret_cast<StreamFunction>(found);
}

void failed() noexcept {
    ++g_failed;
    if (errno == ENOSPC) evermilter::scanner::no_space_left();
}

} // namespace

extern "C" int fflush(FILE* stream) {
    static const StreamFunction real = next("fflush");
    const int result = real(stream);
    if (result != 0) failed();
    return result;
}

extern "C" int fclose(FILE* stream) {
    static const StreamFunction real = next("fclose");
    const int result = real(stream);
    if (result != 0) failed();
    return result;
}

namespace evermilter::scanner {

unsigned long failed_flushes() noexcept {
    return g_failed.load();
}

} // namespace evermilter::scanner
