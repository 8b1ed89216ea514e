#include "workers/scanner/libclamav/unlocked_reading.h"

#include <cstdio>

namespace {

thread_local bool t_unlocked = false;

} // namespace

extern "C" int fgetc(FILE* stream) {
    // getc() is a symbol of its own in libc: this does not come back here.
    return t_unlocked ? ::getc_unlocked(stream) : ::getc(stream);
}

extern "C" int feof(FILE* stream) noexcept {
    if (t_unlocked) return ::feof_unlocked(stream);
    ::flockfile(stream);
    const int ended = ::feof_unlocked(stream);
    ::funlockfile(stream);
    return ended;
}

namespace evermilter::scanner {

UnlockedReading::UnlockedReading() noexcept {
    t_unlocked = true;
}

UnlockedReading::~UnlockedReading() {
    t_unlocked = false;
}

} // namespace evermilter::scanner
