// evermilter-scanner: the loader, which forks the scanners. Started by evermilterd only.
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <utility>

#include "workers/common/base/process_state.h"
#include "workers/common/ipc/child.h"
#include "workers/scanner/loader.h"
#include "workers/scanner/memory/allocator.h"
#include "workers/scanner/memory/huge_pages.h"

int main() {
    using namespace evermilter;
    try {
        auto channel = adopt_child_channel(messages::Role::loader);
        if (!channel) {
            (void)std::fprintf(stderr, "evermilter-scanner: %s\n", channel.error().what.c_str());
            return EX_USAGE;
        }
        scanner::prepare_to_collapse();
        hide_memory();
        scanner::tune_allocator();
        scanner::Loader loader(std::move(*channel));
        const int status = loader.run();
        // Freeing an engine takes seconds, while the next load waits for this exit: the kernel does it at once.
        ::_exit(status);
    } catch (const std::exception& exception) {
        (void)std::fprintf(stderr, "evermilter-scanner: %s\n", exception.what());
        return EX_SOFTWARE;
    }
}
