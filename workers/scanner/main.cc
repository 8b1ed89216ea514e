// evermilter-scanner: the loader, which forks the scanners. Started by evermilterd only.
#include <sysexits.h>

#include <cstdio>
#include <exception>
#include <utility>

#include "workers/common/child.h"
#include "workers/scanner/allocator.h"
#include "workers/scanner/loader.h"

int main() {
    using namespace evermilter;
    try {
        auto channel = adopt_child_channel(messages::Role::loader);
        if (!channel) {
            (void)std::fprintf(stderr, "evermilter-scanner: %s\n", channel.error().what.c_str());
            return EX_USAGE;
        }
        scanner::tune_allocator();
        scanner::Loader loader(std::move(*channel));
        return loader.run();
    } catch (const std::exception& exception) {
        (void)std::fprintf(stderr, "evermilter-scanner: %s\n", exception.what());
        return EX_SOFTWARE;
    }
}
