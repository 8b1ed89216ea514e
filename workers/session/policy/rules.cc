#include "workers/session/policy/rules.h"

#include <algorithm>
#include <utility>

#include "config/listener_names.h"
#include "config/name_glob.h"
#include "workers/session/policy/strictness.h"

namespace evermilter::session {
Result<Rules> Rules::make(const std::vector<config::Rule>& rules, std::string_view listener) {
    Rules made;
    for (const config::Rule& one : rules) {
        if (!config::holds_for(one.listeners, listener)) continue;
        Rule rule{one.name, one.match, one.action, std::nullopt, std::nullopt};
        const auto fault = [&](const char* key, const std::string& what) {
            return Error{0, "rule[" + one.name + "]." + key + ": " + what};
        };
        if (!one.header.empty()) {
            auto header = config::parse_header_field(one.header);
            if (!header) return fault("header", header.error().reason);
            rule.header = std::move(*header);
        }
        if (!one.text.empty()) {
            auto text = ReplyTemplate::parse(one.text);
            if (!text) return fault("text", text.error().what);
            rule.text = std::move(*text);
        }
        made.rules_.push_back(std::move(rule));
    }
    return made;
}

const Rule* Rules::of(const std::string& virus) const {
    const auto fits = [&](const Rule& rule) {
        return std::any_of(rule.match.begin(), rule.match.end(),
                           [&](const std::string& glob) { return config::matches_name(glob, virus); });
    };
    const auto found = std::find_if(rules_.begin(), rules_.end(), fits);
    return found == rules_.end() ? nullptr : &*found;
}

DecidingName deciding_name(const Rules& rules, const std::vector<std::string>& viruses, config::Action otherwise) {
    DecidingName strictest;
    for (const std::string& virus : viruses) {
        const Rule* const rule = rules.of(virus);
        const config::Action action = rule == nullptr ? otherwise : rule->action;
        if (strictest.virus.empty() || stricter(action, strictest.action)) strictest = {virus, rule, action};
    }
    return strictest;
}

} // namespace evermilter::session
