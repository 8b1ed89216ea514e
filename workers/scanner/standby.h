// The standby of a generation's loader: forked from it once the engine is proven, with a channel to the supervisor of
// its own. It waits, sharing all memory, until the supervisor says that the loader is dead; then it serves in its
// place: it keeps the scanners that live, forks what is missing, and forks the next standby. Nothing is loaded again.
// When the supervisor dies, a standby that still waits ends; one that serves goes on as a loader does.
#pragma once

#include "workers/common/base/unique_fd.h"
#include "workers/scanner/generation_server.h"

namespace evermilter::scanner {

// In the forked child of a process with one thread. Closes all that the forking process had open but `channel`, what
// `estate` names, and 0 to 2. The estate stays where the loader has made it: no frame below returns.
[[noreturn]] void become_standby(unique_fd channel, const EngineContext& estate) noexcept;

} // namespace evermilter::scanner
