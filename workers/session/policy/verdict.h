// The one place where a finding and the policy become an answer. Pure: no I/O, no clock, no state. Every failure
// maps to actions.error; nothing but Finding::clean is ever counted or stamped as clean.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "workers/common/base/result.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanning/finding.h"
#include "workers/session/policy/reply_template.h"
#include "workers/session/policy/rules.h"

namespace evermilter::session {

// The policy, taken apart once a configuration.
struct Policy {
    config::Actions actions;
    config::Action poison = config::Action::tempfail; // poison.action
    ReplyTemplate reject;                             // actions.reject_text
    ReplyTemplate error;                              // actions.error_text
    ReplyTemplate oversize;                           // actions.oversize_text
    std::optional<ReplyTemplate> incomplete;          // actions.incomplete_text
    std::uint64_t limit = 0;                          // message.max_size, for {limit}
    Rules rules;                                      // of the listener

    // An Error names the key.
    [[nodiscard]] static Result<Policy> make(const config::Actions& actions, config::Action poison,
                                             std::uint64_t limit = 0);
};

struct Decision {
    Disposition disposition = Disposition::error;     // for the counters
    std::optional<Unseen> reason;                     // with Disposition::incomplete, always: which one decided
    config::Action action = config::Action::tempfail; // what the milter answers
    std::optional<Reply> reply;    // for smfi_setreply before reject or tempfail; always set then, of the right class
    std::string quarantine;        // reason for smfi_quarantine(3), only with Action::quarantine; never empty then
    bool stamp = false;            // the message goes on (accept, quarantine): stamp it per headers.add
    bool scanned = false;          // a scanner has looked at it: X-Virus-Scanned may be added
    std::string status;            // value of X-Virus-Status: "Clean", "Infected (NAME)", "Not scanned (REASON)", …
    bool too_many_forged = false;  // actions.forged has decided
    std::string virus;             // of an infected message: the name that has decided
    std::vector<std::string> also; // of an infected message: the other names
    std::string rule;              // that has decided; empty: none
    std::string list;              // of [[senders]], that the sender is in; empty: none
    std::vector<config::HeaderField> fields; // of rules and lists; to be added where `stamp` says so
    std::optional<config::Action> observed;  // what would have been done where `observe` lets it through
    bool keep_forged = false; // the fields that a sender forged stay in the message: the caller may say so too
};

// `queue_id` for {queue_id}. Quarantine at end of message needs SMFIF_QUARANTINE: where the MTA does not offer it,
// the caller asks without_quarantine() for what to do instead.
[[nodiscard]] Decision decide(const scanning::ScanReport& report, const Policy& policy, std::string_view queue_id);

// The field with `name`, made fit for a header, in the place of {virus}.
[[nodiscard]] config::HeaderField with_name(config::HeaderField field, std::string_view name);

// A message that ought to be quarantined where the MTA cannot: it is tempfailed, never let through.
[[nodiscard]] Decision without_quarantine(Decision decision, const scanning::ScanReport& report, const Policy& policy,
                                          std::string_view queue_id);

// What milter.mode = "observe" makes of it, after all else: it goes on, stamped with what was found.
[[nodiscard]] Decision observed(Decision decision);

// Of a message that brings more forged fields than may be removed: what is to go on is handled by actions.forged,
// unless the decision so far is stricter.
[[nodiscard]] Decision with_too_many_forged(Decision decision, const Policy& policy);

} // namespace evermilter::session
