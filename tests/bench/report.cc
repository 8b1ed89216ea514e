#include "tests/bench/report.h"

#include <cstdio>

namespace evermilter::bench {
namespace {

bool g_all_kept = true;

} // namespace

void figure(const char* name, const std::string& value) {
    std::printf("%-34s %s\n", name, value.c_str());
    std::fflush(stdout);
}

void promise(const char* name, double measured, double bound, const char* unit) {
    const bool kept = measured <= bound;
    g_all_kept = g_all_kept && kept;
    std::printf("%-34s %.2f %s, bound %.2f: %s\n", name, measured, unit, bound, kept ? "kept" : "NOT KEPT");
    std::fflush(stdout);
}

bool all_kept() {
    return g_all_kept;
}

} // namespace evermilter::bench
