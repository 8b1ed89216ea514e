// Asked at RCPT: whether the policy servers of a listener let a recipient pass.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "workers/common/base/result.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/session/policy/reply_template.h"
#include "workers/session/policy/server/policy_server.h"

namespace evermilter::session {

// Those of one listener, in the order of the configuration. Several listeners may share a server.
using PolicyServers = std::vector<std::shared_ptr<PolicyServer>>;

// One object for each [[policy]]. An Error names the key.
[[nodiscard]] Result<PolicyServers> make_policy_servers(const config::Config& config);
// `listener`: its name; empty: milter.listen.
[[nodiscard]] PolicyServers servers_of(const PolicyServers& all, std::string_view listener);

struct RecipientAnswer {
    std::optional<Reply> reply; // 4xx or 5xx; empty: it may pass
    std::string policy;         // that has decided; empty: none
};

// Asks one after the other until one does not let it pass, and counts. Blocks for the sum of their timeouts at most.
[[nodiscard]] RecipientAnswer check_recipient(const PolicyServers& servers, const PolicyQuestion& question,
                                              CounterBoard<kSessionWorker>& counters);

} // namespace evermilter::session
