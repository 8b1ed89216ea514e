#include "config/validate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/address.h"
#include "config/listener_names.h"
#include "config/parse.h"
#include "config/quantity.h"
#include "config/text_check.h"
#include "workers/common/shared/graces.h"

namespace evermilter::config {
namespace {

constexpr Duration kBeyondScan = graces::kScan + graces::kAnswer;

// The configuration travels to the workers in one packet of at most 128 KiB, with some room for other fields.
constexpr std::size_t kLargestConfig = 100'000;

void check_deadlines(const Config& config, std::vector<Conflict>& conflicts) {
    const Duration inner = config.scanner.queue_timeout + config.scanner.max_scan_time + kBeyondScan;
    if (inner < config.timeouts.eom) return;
    conflicts.push_back({{"timeouts.eom", "scanner.max_scan_time", "scanner.queue_timeout"},
                         "timeouts.eom (" + duration_text(config.timeouts.eom) +
                             ") must be above scanner.queue_timeout (" + duration_text(config.scanner.queue_timeout) +
                             ") + scanner.max_scan_time (" + duration_text(config.scanner.max_scan_time) + ") + " +
                             duration_text(kBeyondScan) + " = " + duration_text(inner) +
                             "; raise timeouts.eom (below " +
                             std::to_string(graces::kMailServer / std::chrono::seconds(1)) + "s) or lower the others"});
}

void check_wildcards(const Config& config, std::vector<Conflict>& conflicts) {
    const auto check = [&](const std::vector<std::string>& addresses, const std::string& key,
                           const std::string& allow) {
        for (const std::string& text : addresses) {
            const auto address = parse_address(text);
            if (!address || !is_wildcard(*address)) continue;
            std::string reason = printable(text);
            reason += " listens on every address of the machine; set ";
            reason += allow;
            reason += " to the networks of your mail servers, or name one address";
            conflicts.push_back({{key}, std::move(reason)});
        }
    };
    if (!config.milter.allow_in_file) check(config.milter.listen, "milter.listen", "milter.allow");
    for (const Listener& listener : config.listeners) {
        const std::string key = "listener[" + shown_key(listener.name) + "].";
        if (!listener.allow_in_file) check(listener.address, key + "address", "its allow");
    }
}

void check_listeners(const Config& config, std::vector<Conflict>& conflicts) {
    if (config.milter.listen.empty() && config.listeners.empty())
        conflicts.push_back({{"milter.listen"},
                             "is empty, and there is no [[listener]]; name the socket on which the mail server finds "
                             "evermilter, such as \"unix:/run/evermilter/milter.sock\""});
    for (const Listener& listener : config.listeners) {
        if (!listener.address.empty()) continue;
        const std::string key = "listener[" + shown_key(listener.name) + "].";
        conflicts.push_back({{key + "address", key + "name"},
                             "has no address; write one, such as address = [\"inet:7358@127.0.0.1\"]"});
    }
}

// Of the block whose keys begin with `key`.
void check_listener_names(const Config& config, const std::vector<std::string>& names, const std::string& key,
                          std::vector<Conflict>& conflicts) {
    const auto known = [&](const std::string& name) {
        return name == kMilterListen || std::any_of(config.listeners.begin(), config.listeners.end(),
                                                    [&](const Listener& one) { return one.name == name; });
    };
    for (const std::string& name : names)
        if (!known(name))
            conflicts.push_back({{key + "listeners"},
                                 printable(name) + " is the name of no [[listener]]; those of milter.listen are "
                                                   "\"milter\""});
}

void check_rules(const Config& config, std::vector<Conflict>& conflicts) {
    for (const Rule& rule : config.rules) {
        const std::string key = "rule[" + shown_key(rule.name) + "].";
        if (rule.match.empty())
            conflicts.push_back(
                {{key + "match", key + "name"}, "has no pattern; write one, such as match = [\"PUA.*\"]"});
        check_listener_names(config, rule.listeners, key, conflicts);
    }
    for (const Listener& listener : config.listeners)
        if (listener.name == kMilterListen &&
            !(config.rules.empty() && config.policies.empty() && config.senders.empty()))
            conflicts.push_back({{"listener[" + shown_key(listener.name) + "].name"},
                                 "is what rules, policies and senders call milter.listen; choose another"});
}

bool is_numeric_host(const ListenAddress& address) {
    const auto* inet = std::get_if<InetAddress>(&address);
    if (inet == nullptr) return true;
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(inet->family == InetAddress::Family::inet ? AF_INET : AF_INET6, inet->host.c_str(),
                       bytes.data()) == 1;
}

// What a recipient may wait for at one listener; `name` is empty for milter.listen.
void check_waiting(const Config& config, const std::string& name, std::vector<Conflict>& conflicts) {
    Duration all{};
    std::string key;
    for (const PolicyCheck& policy : config.policies) {
        if (!holds_for(policy.listeners, name)) continue;
        all += policy.timeout;
        if (key.empty()) key = "policy[" + shown_key(policy.name) + "].timeout";
    }
    constexpr Duration kSendmail = std::chrono::seconds(10);
    const Duration most = std::min(config.timeouts.rcpt, kSendmail);
    if (key.empty() || all < most) return;
    const std::string whose = name.empty() ? "milter.listen" : "listener " + shown_key(name);
    conflicts.push_back({{key, "timeouts.rcpt"},
                         "the timeouts of all policies of " + whose + " together (" + duration_text(all) +
                             ") must be below " + duration_text(most) +
                             ", after which the session is closed; lower them"});
}

void check_policies(const Config& config, std::vector<Conflict>& conflicts) {
    for (const PolicyCheck& policy : config.policies) {
        const std::string key = "policy[" + shown_key(policy.name) + "].";
        if (policy.servers.empty())
            conflicts.push_back({{key + "servers", key + "name"},
                                 "names no server; write one, such as servers = [\"unix:/run/dovecot/quota-status\"]"});
        for (const std::string& text : policy.servers) {
            const auto address = parse_address(text);
            if (address && !is_numeric_host(*address))
                conflicts.push_back({{key + "servers"},
                                     printable(text) + " has no numeric address; write one, such as "
                                                       "\"inet:12340@127.0.0.1\": no session waits for a name server"});
        }
        check_listener_names(config, policy.listeners, key, conflicts);
    }
    if (!config.milter.listen.empty()) check_waiting(config, {}, conflicts);
    for (const Listener& listener : config.listeners) check_waiting(config, listener.name, conflicts);
}

void check_senders(const Config& config, std::vector<Conflict>& conflicts) {
    for (const SenderList& list : config.senders) {
        const std::string key = "senders[" + shown_key(list.name) + "].";
        if (list.file.empty())
            conflicts.push_back({{key + "file", key + "name"},
                                 "names no file; write one, such as file = \"/etc/evermilter/spammers\""});
        for (const std::string& word : list.match)
            if (word != "envelope" && word != "from")
                conflicts.push_back({{key + "match"}, printable(word) + " is not \"envelope\" or \"from\""});
        if (list.match.empty())
            conflicts.push_back({{key + "match", key + "name"}, "names nothing; write \"envelope\", \"from\" or both"});
        check_listener_names(config, list.listeners, key, conflicts);
    }
}

void check_workers(const Config& config, std::vector<Conflict>& conflicts) {
    if (config.workers.session_min <= config.workers.session_max) return;
    conflicts.push_back({{"workers.session_min", "workers.session_max"},
                         "workers.session_min (" + std::to_string(config.workers.session_min) +
                             ") is above workers.session_max (" + std::to_string(config.workers.session_max) +
                             "); lower the one or raise the other"});
}

void check_pua(const Config& config, std::vector<Conflict>& conflicts) {
    if (config.scanner.include_pua.empty() || config.scanner.exclude_pua.empty()) return;
    conflicts.push_back({{"scanner.include_pua", "scanner.exclude_pua"},
                         "scanner.include_pua and scanner.exclude_pua cannot both be set; keep one"});
}

void check_size(const Config& config, std::vector<Conflict>& conflicts) {
    const std::size_t size = to_toml(config).size();
    if (size <= kLargestConfig) return;
    conflicts.push_back({{"milter.allow", "milter.listen"},
                         "the configuration is too large (" + std::to_string(size) + " bytes of at most " +
                             std::to_string(kLargestConfig) + "); shorten its lists"});
}

} // namespace

std::vector<Conflict> validate(const Config& config) {
    std::vector<Conflict> conflicts;
    check_deadlines(config, conflicts);
    check_listeners(config, conflicts);
    check_rules(config, conflicts);
    check_policies(config, conflicts);
    check_senders(config, conflicts);
    check_wildcards(config, conflicts);
    check_workers(config, conflicts);
    check_pua(config, conflicts);
    check_size(config, conflicts);
    return conflicts;
}

} // namespace evermilter::config
