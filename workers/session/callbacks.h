// Registers the milter callbacks (callbacks/): they carry what libmilter reports into the session it belongs to, keep
// its stage, and answer. Nothing throws across them: what fails is a temporary failure.
#pragma once

#include "workers/common/base/result.h"
#include "workers/session/service.h"

namespace evermilter::session {

// Registers the callbacks with libmilter. Call once; `service` must outlive the process.
[[nodiscard]] Result<void> register_callbacks(Service& service);

// The callbacks find the sessions of this one from now on. Only while libmilter has no connection; it must outlive the
// process too.
void serve_with(Service& service) noexcept;

} // namespace evermilter::session
