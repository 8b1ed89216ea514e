// What becomes of a message for the reasons why it was not fully scanned: which action a reason has (actions.*), which
// of several reasons decides, and what its sender hears. Pure; verdict.h calls it for Finding::incomplete.
#pragma once

#include <string>

#include "config/config.h"
#include "workers/common/shared/unseen.h"

namespace evermilter::session {

// The reason's own key, or actions.incomplete where that is not set.
[[nodiscard]] config::Action action_for(const config::Actions& actions, Unseen reason) noexcept;

struct Deciding {
    Unseen reason = Unseen::partial; // the message is counted and its reply named by it
    config::Action action = config::Action::reject;
};

// The strictest action among the reasons', and the first reason (by the enum) that has it. Strictness is, in this
// order: reject, tempfail, quarantine, discard, accept.
// - All but accept keep the message from the recipient, so each of them goes before it.
// - reject and tempfail leave the message with its sender, which learns of it: nothing is lost. reject goes
//   first, because a reason to reject stays one however often the message comes again; of a tempfail the sender only
//   hears days later.
// - quarantine keeps the message too, but the mail server has taken it, and an operator can let it go. It comes after
//   tempfail, which also stands in for it where the mail server knows no quarantine.
// - discard loses the message and informs nobody, so it comes last: what another reason would have kept is not lost.
// So a further reason never makes the answer milder, and never loses a message.
// Precondition: `reasons` holds at least one known reason; otherwise Deciding{}.
[[nodiscard]] Deciding deciding(UnseenSet reasons, const config::Actions& actions) noexcept;

// "encrypted, limit": for headers and logs.
[[nodiscard]] std::string unseen_list(UnseenSet reasons);

// What the sender hears, without a reply code. Not yet escaped.
[[nodiscard]] const char* reply_text(Unseen reason) noexcept;

} // namespace evermilter::session
