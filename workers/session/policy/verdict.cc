#include "workers/session/policy/verdict.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "workers/session/policy/strictness.h"
#include "workers/session/policy/unseen_policy.h"

namespace evermilter::session {
namespace {

using config::Action;

// What the finding is called where the message goes on; never the scanner's own words for a failure, which may
// name paths of this host.
std::string not_scanned(scanning::Finding finding) {
    switch (finding) {
        case scanning::Finding::scan_error:
        case scanning::Finding::temp_failed:
            return "scan failed";
        case scanning::Finding::scanner_died:
            return "scanner died";
        case scanning::Finding::overdue:
        case scanning::Finding::out_of_time:
            return "scan timed out";
        case scanning::Finding::queue_timeout:
            return "no scanner was free";
        case scanning::Finding::no_generation:
            return "no signatures loaded";
        case scanning::Finding::bad_answer:
        case scanning::Finding::internal:
            return "internal error";
        case scanning::Finding::cancelled:
            return "connection closed";
        case scanning::Finding::oversize:
            return "too large";
        case scanning::Finding::store_failed:
            return "out of storage";
        case scanning::Finding::poison:
            return "poison message";
        case scanning::Finding::exempt:
            return "exempt";
        case scanning::Finding::clean:
        case scanning::Finding::infected:
        case scanning::Finding::incomplete:
            break;
    }
    return "internal error";
}

// A detail that stands in a header: printable ASCII, without parentheses, bounded.
std::string for_header(std::string_view detail, std::string_view when_empty) {
    constexpr std::size_t kLongest = 200;
    std::string text(detail.empty() ? when_empty : detail.substr(0, kLongest));
    std::replace_if(
        text.begin(), text.end(), [](char byte) { return byte < ' ' || byte > '~' || byte == '(' || byte == ')'; },
        '?');
    return text;
}

// A reply for which there is no configured text.
Reply fixed(char reply_class, const char* code_of_5, const char* subject, std::string_view text) {
    Reply reply;
    reply.code = reply_class == '5' ? code_of_5 : "451";
    reply.xcode = std::string(1, reply_class) + subject;
    reply.text = escape_reply_text(text, kReplyLine - 16);
    return reply;
}

// The scanner's labels of what it did not look at, where they stand in a header or a reply. The reasons' names instead
// where it gives none, or where something in them looks like a path of this host.
std::string labels(const scanning::ScanReport& report) {
    const std::string names = unseen_list(report.unseen);
    bool path = false;
    char before = ' ';
    for (const char byte : report.detail) {
        // "message/partial" is none.
        path = path || (byte == '/' && std::isalnum(static_cast<unsigned char>(before)) == 0);
        before = byte;
    }
    return for_header(path ? std::string_view() : report.detail, names);
}

struct Row {
    Disposition disposition;
    Action action;
    std::string status;
    bool scanned;
    std::optional<Unseen> reason = {};
};

// Without a known reason nothing says what to do, and the scanner has contradicted itself.
Row incomplete_row(const scanning::ScanReport& report, const config::Actions& actions) {
    if ((report.unseen & kAllUnseen) == 0)
        return {Disposition::error, actions.error, "Not scanned (internal error)", false};
    const Deciding decided = deciding(report.unseen, actions);
    return {Disposition::incomplete, decided.action, "Not fully scanned (" + labels(report) + ")", true,
            decided.reason};
}

Row row(const scanning::ScanReport& report, const Policy& policy) {
    const config::Actions& actions = policy.actions;
    switch (report.finding) {
        case scanning::Finding::clean:
            return {Disposition::clean, actions.clean, "Clean", true};
        case scanning::Finding::infected:
            return {Disposition::infected, actions.infected, "Infected (" + for_header(report.detail, "unnamed") + ")",
                    true};
        case scanning::Finding::incomplete:
            return incomplete_row(report, actions);
        case scanning::Finding::oversize:
            return {Disposition::oversize, actions.oversize, "Not scanned (" + not_scanned(report.finding) + ")",
                    false};
        case scanning::Finding::poison:
            return {Disposition::skipped, policy.poison, "Not scanned (" + not_scanned(report.finding) + ")", false};
        case scanning::Finding::exempt:
            return {Disposition::skipped, Action::accept, "Not scanned (" + not_scanned(report.finding) + ")", false};
        case scanning::Finding::scan_error:
        case scanning::Finding::temp_failed:
        case scanning::Finding::scanner_died:
        case scanning::Finding::overdue:
        case scanning::Finding::queue_timeout:
        case scanning::Finding::no_generation:
        case scanning::Finding::out_of_time:
        case scanning::Finding::bad_answer:
        case scanning::Finding::internal:
        case scanning::Finding::cancelled:
        case scanning::Finding::store_failed:
            return {Disposition::error, actions.error, "Not scanned (" + not_scanned(report.finding) + ")", false};
    }
    // A value outside the enum is a failure too.
    return {Disposition::error, actions.error, "Not scanned (internal error)", false};
}

// The reason by its words, and what was met unless the words say it all.
std::string incomplete_text(Unseen reason, const scanning::ScanReport& report) {
    std::string text = reply_text(reason);
    const std::string met = labels(report);
    return met == unseen_name(reason) ? text : text + " (" + met + ")";
}

Reply reply_for(char reply_class, const Decision& decision, const scanning::ScanReport& report, const Policy& policy,
                std::string_view queue_id) {
    const auto fill = [&](const ReplyTemplate& text, std::string_view virus = {}) {
        return text.fill_as(reply_class, {virus, queue_id, report.generation, policy.limit});
    };
    switch (decision.disposition) {
        case Disposition::infected:
            return fill(policy.reject, for_header(report.detail, "unnamed"));
        case Disposition::oversize:
            return fill(policy.oversize);
        case Disposition::incomplete:
            if (policy.incomplete) return fill(*policy.incomplete);
            return fixed(reply_class, "550", ".7.1", incomplete_text(decision.reason.value_or(Unseen::limit), report));
        case Disposition::skipped:
            return fixed(reply_class, "550", ".7.1",
                         "message cannot be scanned for viruses: scanners have failed on it");
        case Disposition::clean:
            return fixed(reply_class, "550", ".7.1", "message refused by local policy");
        case Disposition::error:
            break;
    }
    return fill(policy.error);
}

std::vector<std::string> names_of(const scanning::ScanReport& report) {
    std::vector<std::string> names = {report.detail};
    for (std::string_view rest = report.names; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        if (end > 0) names.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return names;
}

Decision carried_out(Row found, const scanning::ScanReport& report, const Policy& policy, std::string_view queue_id) {
    Decision decision;
    decision.disposition = found.disposition;
    decision.action = found.action;
    decision.scanned = found.scanned;
    decision.reason = found.reason;
    decision.status = std::move(found.status);
    if (found.disposition == Disposition::infected) {
        decision.also = names_of(report);
        decision.also.erase(decision.also.begin());
        decision.virus = report.detail;
    }
    switch (found.action) {
        case Action::reject:
            decision.reply = reply_for('5', decision, report, policy, queue_id);
            break;
        case Action::tempfail:
            decision.reply = reply_for('4', decision, report, policy, queue_id);
            break;
        case Action::quarantine:
            decision.quarantine = decision.status;
            decision.stamp = true;
            break;
        case Action::accept:
            decision.stamp = true;
            break;
        case Action::discard:
            break;
    }
    return decision;
}

// The fields of all rules that fit one of the names, each once.
std::vector<config::HeaderField> fields_of(const Rules& rules, const std::vector<std::string>& names) {
    std::vector<config::HeaderField> fields;
    for (const std::string& name : names) {
        const Rule* const rule = rules.of(name);
        if (rule == nullptr || !rule->header) continue;
        config::HeaderField field = with_name(*rule->header, name);
        const auto same = [&](const config::HeaderField& one) {
            return one.name == field.name && one.value == field.value;
        };
        if (std::none_of(fields.begin(), fields.end(), same)) fields.push_back(std::move(field));
    }
    return fields;
}

// A rule makes an infection milder, never what the rest of the message came to: a part that was not looked at, a
// failure.
Decision by_rules(const scanning::ScanReport& report, const Policy& policy, std::string_view queue_id) {
    const std::vector<std::string> names = names_of(report);
    const DecidingName deciding = deciding_name(policy.rules, names, policy.actions.infected);
    scanning::ScanReport rest = report;
    rest.finding = report.rest;
    rest.detail = unseen_list(report.unseen);
    if (report.rest != scanning::Finding::clean) {
        Row of_rest = row(rest, policy);
        if (stricter(of_rest.action, deciding.action)) return carried_out(std::move(of_rest), rest, policy, queue_id);
    }
    scanning::ScanReport named = report;
    named.detail = deciding.virus;
    Row found = row(named, policy);
    found.action = deciding.action;
    Decision decision = carried_out(std::move(found), named, policy, queue_id);
    decision.also = names;
    decision.also.erase(std::find(decision.also.begin(), decision.also.end(), deciding.virus));
    decision.fields = fields_of(policy.rules, names);
    if (deciding.rule == nullptr) return decision;
    decision.rule = deciding.rule->name;
    if (decision.reply && deciding.rule->text)
        decision.reply = deciding.rule->text->fill_as(
            decision.reply->code[0],
            {for_header(deciding.virus, "unnamed"), queue_id, report.generation, policy.limit});
    return decision;
}

} // namespace

Result<Policy> Policy::make(const config::Actions& actions, config::Action poison, std::uint64_t limit) {
    Policy policy;
    policy.actions = actions;
    policy.poison = poison;
    policy.limit = limit;
    const auto take = [](const char* key, const std::string& text, auto& to) -> Result<void> {
        auto parsed = ReplyTemplate::parse(text);
        if (!parsed) return Error{0, std::string("actions.") + key + ": " + parsed.error().what};
        to = std::move(*parsed);
        return {};
    };
    if (auto taken = take("reject_text", actions.reject_text, policy.reject); !taken) return std::move(taken).error();
    if (auto taken = take("error_text", actions.error_text, policy.error); !taken) return std::move(taken).error();
    if (auto taken = take("oversize_text", actions.oversize_text, policy.oversize); !taken)
        return std::move(taken).error();
    if (actions.incomplete_text.empty()) return policy;
    if (auto taken = take("incomplete_text", actions.incomplete_text, policy.incomplete); !taken)
        return std::move(taken).error();
    return policy;
}

Decision decide(const scanning::ScanReport& report, const Policy& policy, std::string_view queue_id) {
    if (report.finding == scanning::Finding::infected && !policy.rules.empty())
        return by_rules(report, policy, queue_id);
    return carried_out(row(report, policy), report, policy, queue_id);
}

config::HeaderField with_name(config::HeaderField field, std::string_view name) {
    constexpr std::string_view kVirus = "{virus}";
    const std::string shown = for_header(name, "unnamed");
    for (std::size_t at = 0; (at = field.value.find(kVirus, at)) != std::string::npos; at += shown.size())
        field.value.replace(at, kVirus.size(), shown);
    return field;
}

Decision without_quarantine(Decision decision, const scanning::ScanReport& report, const Policy& policy,
                            std::string_view queue_id) {
    if (decision.action != Action::quarantine) return decision;
    decision.action = Action::tempfail;
    decision.reply = reply_for('4', decision, report, policy, queue_id);
    decision.quarantine.clear();
    decision.stamp = false;
    return decision;
}

Decision observed(Decision decision) {
    if (decision.action == Action::accept) return decision;
    decision.observed = std::exchange(decision.action, Action::accept);
    decision.reply.reset();
    decision.quarantine.clear();
    decision.stamp = true;
    decision.keep_forged = decision.keep_forged || decision.too_many_forged;
    return decision;
}

Decision with_too_many_forged(Decision decision, const Policy& policy) {
    if (!decision.stamp) return decision; // refused or dropped
    decision.too_many_forged = true;
    constexpr const char* kWhat = "too many forged X-Virus-Status and X-Virus-Scanned fields";
    switch (policy.actions.forged) {
        case Action::reject:
        case Action::tempfail: {
            const char reply_class = policy.actions.forged == Action::reject ? '5' : '4';
            decision.reply = fixed(reply_class, "550", ".7.1", std::string("message has ") + kWhat);
            decision.stamp = false;
            break;
        }
        case Action::discard:
            // An operator is to see what was to be quarantined for another reason.
            decision.keep_forged = decision.action == Action::quarantine;
            if (decision.keep_forged) return decision;
            decision.stamp = false;
            break;
        case Action::quarantine:
            if (decision.action != Action::quarantine) decision.quarantine = kWhat;
            decision.action = Action::quarantine;
            decision.keep_forged = true;
            return decision;
        case Action::accept:
            decision.keep_forged = true;
            return decision;
    }
    decision.action = policy.actions.forged;
    decision.quarantine.clear();
    return decision;
}

} // namespace evermilter::session
