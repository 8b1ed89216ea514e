// End of message: has the message scanned, stamps it, answers. The only place where an answer to a message is given.
#pragma once

#include <libmilter/mfapi.h>

#include "workers/session/answer.h"
#include "workers/session/service.h"
#include "workers/session/session.h"

namespace evermilter::session {

// The answer to the message. Blocks at most timeouts.eom. The message's state stays: the caller forgets it. Where it
// throws (out of memory) the answer is a tempfail, and the caller calls count_failed_message().
[[nodiscard]] Final answer_message(SMFICTX* context, Service& service, Session& session);

// Counts an answer that could not even be found out as an error.
void count_failed_message(Service& service) noexcept;

// smfi_setreply(3), whose parameters are not const though it only reads. False when libmilter refused it.
[[nodiscard]] bool set_reply(SMFICTX* context, const Reply& reply);

} // namespace evermilter::session
