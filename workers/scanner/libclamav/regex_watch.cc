#include "workers/scanner/libclamav/regex_watch.h"

#include <dlfcn.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

// pcre2.h, as numbers: its header need not be there to build.
constexpr int kMatchLimit = -47;
constexpr int kDepthLimit = -53;

std::atomic<int> g_limit{0};

using Match = int (*)(const void*, const unsigned char*, std::size_t, std::size_t, std::uint32_t, void*, void*);

Match next_match() noexcept {
    void* found = ::dlsym(RTLD_NEXT, "pcre2_match_8");
    if (found == nullptr) std::abort();
    return reinterpret_cast<Match>(found);
}

} // namespace

extern "C" int pcre2_match_8(const void* code, const unsigned char* subject, std::size_t length, std::size_t start,
                             std::uint32_t options, void* data, void* context) {
    static const Match real = next_match();
    const int result = real(code, subject, length, start, options, data, context);
    if (result == kMatchLimit || result == kDepthLimit) g_limit.store(result);
    return result;
}

namespace evermilter::scanner {

void watch_regexes() noexcept {
    g_limit.store(0);
}

std::string_view regex_limit_reached() noexcept {
    switch (g_limit.load()) {
        case 0:
            return {};
        case kMatchLimit:
            return "PCREMatchLimit";
        default:
            return "PCRERecMatchLimit";
    }
}

} // namespace evermilter::scanner
