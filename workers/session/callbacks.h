// The milter callbacks: they carry what libmilter tells into the session it belongs to, keep its stage, and answer.
// Called by libmilter in its pool threads, one at a time for a session. Nothing throws across them: what fails is a
// temporary failure.
#pragma once

#include "workers/common/base/result.h"
#include "workers/session/service.h"

namespace evermilter::session {

// Registers the callbacks with libmilter. Call once; `service` must outlive the process.
[[nodiscard]] Result<void> register_callbacks(Service& service);

// Whose sessions the callbacks find from now on. While libmilter has no connection; likewise.
void serve_with(Service& service) noexcept;

} // namespace evermilter::session
