#include "workers/session/policy/recipient_check.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/listener_names.h"
#include "workers/common/base/log.h"

namespace evermilter::session {
namespace {

PolicyEnd end_of(const PolicyAnswer& answer) {
    switch (answer.kind) {
        case PolicyAnswer::Kind::go_on:
            return PolicyEnd::go_on;
        case PolicyAnswer::Kind::refuse:
            return PolicyEnd::refused;
        case PolicyAnswer::Kind::defer:
            return PolicyEnd::deferred;
    }
    return PolicyEnd::failed;
}

// One that is suspended has been logged as that.
void log_fault(const PolicyServer& server, const PolicyQuestion& question, const PolicyFault& fault) {
    if (!fault.asked) return;
    log::warning("policy-failed", {{"policy", server.policy().name},
                                   {"reason", fault.what},
                                   {"recipient", question.recipient},
                                   {"queue_id", question.queue_id}});
}

} // namespace

Result<PolicyServers> make_policy_servers(const config::Config& config) {
    PolicyServers servers;
    for (const config::PolicyCheck& policy : config.policies) {
        auto addresses = PolicyServer::addresses_of(policy);
        if (!addresses) return std::move(addresses).error();
        servers.push_back(std::make_shared<PolicyServer>(policy, std::move(*addresses)));
    }
    return servers;
}

PolicyServers servers_of(const PolicyServers& all, std::string_view listener) {
    PolicyServers servers;
    std::copy_if(all.begin(), all.end(), std::back_inserter(servers),
                 [&](const auto& server) { return config::holds_for(server->policy().listeners, listener); });
    return servers;
}

RecipientAnswer check_recipient(const PolicyServers& servers, const PolicyQuestion& question,
                                CounterBoard<kSessionWorker>& counters) {
    for (const auto& server : servers) {
        const config::PolicyCheck& policy = server->policy();
        auto received = server->ask(question);
        if (!received) {
            counters.add("policies.answers", received.error().asked ? PolicyEnd::failed : PolicyEnd::suspended);
            log_fault(*server, question, received.error());
            if (policy.on_error == config::Action::tempfail)
                return {Reply{"451", "4.3.5", "policy server unavailable, try again later"}, policy.name};
            continue;
        }
        PolicyAnswer& answer = received->answer;
        counters.add("policies.answers", end_of(answer));
        if (received->cached) counters.add("policies.cached");
        if (!answer.remark.empty() && !received->cached)
            log::info("policy-remark",
                      {{"policy", policy.name}, {"remark", answer.remark}, {"recipient", question.recipient}});
        if (answer.kind != PolicyAnswer::Kind::go_on) return {std::move(answer.reply), policy.name};
    }
    return {};
}

} // namespace evermilter::session
