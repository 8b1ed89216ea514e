#include "workers/session/policy/listener_policy.h"

#include <algorithm>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::session {
namespace {

// Each list on its own: one that cannot be read takes no other with it.
config::SkipLists skip_lists_of(const config::Skip& skip, const std::string& listener) {
    config::Skip readable = skip;
    for (;;) {
        auto lists = config::load_skip_lists(readable);
        if (lists) return std::move(*lists);
        const std::string& key = lists.error().key;
        log::error("list-failed", {{"listener", listener},
                                   {"key", key},
                                   {"reason", lists.error().reason},
                                   {"remedy", "mend it and ask for reload-config; meanwhile it is empty"}});
        bool left_out = false;
        const auto leave_out = [&](const char* name, auto& value) {
            if (key != name) return;
            value.clear();
            left_out = true;
        };
        leave_out("skip.networks", readable.networks);
        leave_out("skip.networks_file", readable.networks_file);
        leave_out("skip.users", readable.users);
        leave_out("skip.users_file", readable.users_file);
        leave_out("skip.senders", readable.senders);
        leave_out("skip.senders_file", readable.senders_file);
        leave_out("skip.recipients", readable.recipients);
        leave_out("skip.recipients_file", readable.recipients_file);
        if (!left_out) return {};
    }
}

} // namespace

Result<ListenerPolicies> ListenerPolicies::make(const config::Config& config) {
    ListenerPolicies made;
    const auto servers = make_policy_servers(config);
    if (!servers) return servers.error();
    auto senders = make_sender_lists(config);
    if (!senders) return std::move(senders).error();
    made.senders_ = std::move(*senders);
    const auto add = [&](const std::string& name, config::Mode mode, const config::Actions& actions,
                         const config::Headers& headers, const config::Skip& skip) -> Result<void> {
        auto policy = Policy::make(actions, config.poison.action, config.message.max_size);
        if (!policy) return Error{0, (name.empty() ? "" : "listener[" + name + "].") + policy.error().what};
        auto rules = Rules::make(config.rules, name);
        if (!rules) return std::move(rules).error();
        policy->rules = std::move(*rules);
        made.all_.push_back({name, mode == config::Mode::observe, std::move(*policy), headers,
                             skip_lists_of(skip, name), servers_of(*servers, name), lists_of(made.senders_, name)});
        return {};
    };
    if (auto added = add("", config.milter.mode, config.actions, config.headers, config.skip); !added)
        return std::move(added).error();
    for (const config::Listener& one : config.listeners)
        if (auto added = add(one.name, one.mode, one.actions, one.headers, one.skip); !added)
            return std::move(added).error();
    return made;
}

const ListenerPolicy& ListenerPolicies::of(std::string_view name) const noexcept {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& one) { return one.name == name; });
    return found == all_.end() ? all_.front() : *found;
}

std::optional<SkipReason> exempt_client(const config::SkipLists& skip, const Client& client) {
    if (client.address && skip.networks.has_address(*client.address)) return SkipReason::network;
    if (!client.name.empty() && skip.networks.has_name(client.name)) return SkipReason::network;
    return std::nullopt;
}

std::optional<SkipReason> exempt_sender(const config::SkipLists& skip, std::string_view user, std::string_view sender) {
    if (!user.empty() && (skip.authenticated || skip.users.matches(user))) return SkipReason::user;
    if (skip.senders.matches(sender)) return SkipReason::sender;
    return std::nullopt;
}

} // namespace evermilter::session
