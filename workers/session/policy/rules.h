// [[rule]]: which action, text and header field the names of what was found lead to. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/header_field.h"
#include "workers/common/base/result.h"
#include "workers/session/policy/reply_template.h"

namespace evermilter::session {

struct Rule {
    std::string name;
    std::vector<std::string> match;
    config::Action action = config::Action::reject;
    std::optional<config::HeaderField> header;
    std::optional<ReplyTemplate> text;
};

// Those of a listener, in their order.
class Rules {
  public:
    // `listener`: its name; empty: milter.listen. An Error names the key.
    [[nodiscard]] static Result<Rules> make(const std::vector<config::Rule>& rules, std::string_view listener);

    // The first that fits; nullptr: none does.
    [[nodiscard]] const Rule* of(const std::string& virus) const;
    [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
    [[nodiscard]] const std::vector<Rule>& all() const noexcept { return rules_; }

  private:
    std::vector<Rule> rules_;
};

// Of the names in one message.
struct DecidingName {
    std::string virus;
    const Rule* rule = nullptr; // nullptr: actions.infected
    config::Action action = config::Action::reject;
};
// The strictest decision, of equal ones the first. Precondition: there is a name.
[[nodiscard]] DecidingName deciding_name(const Rules& rules, const std::vector<std::string>& viruses,
                                         config::Action otherwise);

} // namespace evermilter::session
