#include "workers/session/policy/unseen_policy.h"

#include "workers/session/policy/strictness.h"

namespace evermilter::session {

using config::Action;

Action action_for(const config::Actions& actions, Unseen reason) noexcept {
    switch (reason) {
        case Unseen::partial:
            return actions.partial;
        case Unseen::encrypted:
            return actions.encrypted.value_or(actions.incomplete);
        case Unseen::limit:
            return actions.limit.value_or(actions.incomplete);
        case Unseen::unsupported:
            return actions.unsupported.value_or(actions.incomplete);
        case Unseen::malformed:
            return actions.malformed.value_or(actions.incomplete);
        case Unseen::ambiguous:
            return actions.ambiguous.value_or(actions.incomplete);
    }
    return actions.incomplete;
}

Deciding deciding(UnseenSet reasons, const config::Actions& actions) noexcept {
    for (const Action action : kByStrictness)
        for (const Unseen reason : kUnseenReasons)
            if ((reasons & unseen_bit(reason)) != 0 && action_for(actions, reason) == action) return {reason, action};
    return {};
}

std::string unseen_list(UnseenSet reasons) {
    std::string list;
    for (const Unseen reason : kUnseenReasons) {
        if ((reasons & unseen_bit(reason)) == 0) continue;
        if (!list.empty()) list += ", ";
        list += unseen_name(reason);
    }
    return list;
}

const char* reply_text(Unseen reason) noexcept {
    switch (reason) {
        case Unseen::partial:
            return "message is a fragment (message/partial, RFC 2046 section 5.2.2), which cannot be scanned for "
                   "viruses; "
                   "send it whole";
        case Unseen::encrypted:
            return "message has encrypted content, which cannot be scanned for viruses";
        case Unseen::limit:
            return "message exceeds a limit of the virus scanner and cannot be fully scanned";
        case Unseen::unsupported:
            return "message has content of a kind that cannot be scanned for viruses";
        case Unseen::malformed:
            return "message has content that is cut off or corrupt and cannot be scanned for viruses";
        case Unseen::ambiguous:
            return "message can be read in different ways (ambiguous MIME) and cannot be reliably scanned for viruses";
    }
    return "message cannot be fully scanned for viruses";
}

} // namespace evermilter::session
