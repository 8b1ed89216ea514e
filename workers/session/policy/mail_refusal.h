// Asked at MAIL: whether the session may begin a message, and what it hears if not. Pure.
#pragma once

#include <cstdint>

#include "workers/session/policy/reply_template.h"

namespace evermilter::session {

enum class MailRefusal : std::uint8_t {
    none,
    past_session_budget, // timeouts.session is over
    draining,            // the worker is to end
};

// 421: the client connects again. Precondition: not `none`; likewise below.
[[nodiscard]] Reply refusal_reply(MailRefusal refusal);
// For the log.
[[nodiscard]] const char* refusal_name(MailRefusal refusal) noexcept;

} // namespace evermilter::session
