// All directions that messages go in. For what must be made for each of them, or hold of each: the codec, and tests.
#pragma once

#include <tuple>

#include "workers/common/ipc/any_child.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/from_session.h"
#include "workers/common/ipc/scan_job.h"
#include "workers/common/ipc/to_loader.h"
#include "workers/common/ipc/to_session.h"

namespace evermilter::messages {

using Directions =
    std::tuple<FromAnyChild, ToAnyChild, ToSession, FromSession, ToLoader, FromLoader, ToScanner, FromScanner>;

} // namespace evermilter::messages
