// Before a worker is ready: does this libmilter call what interpose.h defines? That depends on how the library was
// built, and it may be replaced at any time: one that calls select(2), or has no pool of threads, would lose every
// session while all looks well. So two sessions are held over socket pairs, with the real callbacks, on tables of their
// own: one ends in a packet that is never finished, the other with QUIT.
#pragma once

#include "workers/common/base/result.h"
#include "workers/session/service.h"

namespace evermilter::session {

// Once, while another thread is in libmilter::run() and before the first connection is offered. The Error says what is
// wrong with the library. Takes a tenth of a second, at most half a minute.
[[nodiscard]] Result<void> self_test(Service& service);

} // namespace evermilter::session
