// End of message: has the message scanned, stamps it, answers. The only place where an answer to a message is given.
#pragma once

#include <libmilter/mfapi.h>

#include "workers/session/service.h"
#include "workers/session/session.h"

namespace evermilter::session {

// What xxfi_eom returns. Blocks at most timeouts.eom. The message's state stays: the caller forgets it.
[[nodiscard]] sfsistat answer_message(SMFICTX* context, Service& service, Session& session);

// smfi_setreply(3), whose parameters are not const though it only reads. False when libmilter refused it.
[[nodiscard]] bool set_reply(SMFICTX* context, const Reply& reply);

} // namespace evermilter::session
