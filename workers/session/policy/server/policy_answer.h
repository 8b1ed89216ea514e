// What a policy server answers: "action=…" and an empty line, with an action of Postfix's access(5). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "workers/common/base/result.h"
#include "workers/session/policy/reply_template.h"

namespace evermilter::session {

// The longest answer that is taken, in bytes.
inline constexpr std::size_t kLongestPolicyAnswer = 4096;

struct PolicyAnswer {
    enum class Kind : std::uint8_t {
        go_on,  // DUNNO, OK, PERMIT; INFO and WARN with a remark
        refuse, // REJECT, 5xx
        defer,  // DEFER, DEFER_IF_PERMIT, DEFER_IF_REJECT, 4xx
    };
    Kind kind = Kind::go_on;
    Reply reply;        // of refuse and defer
    std::string remark; // for the log: the text of INFO and WARN
    bool operator==(const PolicyAnswer&) const = default;
};

// Where the answer ends in `bytes`: behind its empty line; 0: it has not come whole.
[[nodiscard]] std::size_t end_of_answer(std::string_view bytes) noexcept;

// `text` is a whole answer. An Error says what it is instead; also for actions that a milter cannot do to one recipient
// (HOLD, FILTER, PREPEND, REDIRECT, DISCARD, BCC …): a server that gives them is not set up for this.
[[nodiscard]] Result<PolicyAnswer> parse_policy_answer(std::string_view text);

} // namespace evermilter::session
