#include "workers/session/policy/mail_refusal.h"

namespace evermilter::session {

Reply refusal_reply(MailRefusal refusal) {
    return {
        "421", "4.3.2",
        refusal == MailRefusal::draining ? "Service shutting down, try again" : "Session too long, please reconnect"};
}

const char* refusal_name(MailRefusal refusal) noexcept {
    return refusal == MailRefusal::draining ? "draining" : "timeouts.session";
}

} // namespace evermilter::session
