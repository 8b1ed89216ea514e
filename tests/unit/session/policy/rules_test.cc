// [[rule]] in the verdict: the first rule that fits decides a name, the strictest name decides the message, and nothing
// that was not looked at passes because of a rule.
#include "workers/session/policy/rules.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "workers/session/policy/strictness.h"
#include "workers/session/policy/verdict.h"

using namespace evermilter;
using namespace evermilter::session;
using config::Action;
using scanning::Finding;

namespace {

config::Rule rule(const std::string& name, const std::vector<std::string>& match, Action action) {
    config::Rule made;
    made.name = name;
    made.match = match;
    made.action = action;
    return made;
}

Rules rules(const std::vector<config::Rule>& all, std::string_view listener = {}) {
    auto made = Rules::make(all, listener);
    BOOST_REQUIRE_MESSAGE(made.ok(), (made ? "" : made.error().what));
    return std::move(*made);
}

Policy policy(const std::vector<config::Rule>& all, const config::Actions& changed = {}) {
    config::Actions actions = changed;
    actions.reject_text = "550 5.7.1 virus found: {virus}";
    actions.error_text = "451 4.7.1 later";
    actions.oversize_text = "552 5.3.4 large";
    auto made = Policy::make(actions, Action::tempfail, 1000);
    BOOST_REQUIRE(made.ok());
    made->rules = rules(all);
    return std::move(*made);
}

scanning::ScanReport infected(const std::string& names) {
    scanning::ScanReport report;
    report.finding = Finding::infected;
    const std::size_t end = names.find('\n');
    report.detail = names.substr(0, end);
    if (end != std::string::npos) report.names = names.substr(end + 1);
    report.generation = 7;
    return report;
}

} // namespace

BOOST_AUTO_TEST_SUITE(rules_test)

BOOST_AUTO_TEST_CASE(the_order_is_total_and_from_the_strictest) {
    for (std::size_t i = 0; i < kByStrictness.size(); ++i)
        for (std::size_t j = 0; j < kByStrictness.size(); ++j)
            BOOST_TEST(stricter(kByStrictness[i], kByStrictness[j]) == (i < j));
}

BOOST_AUTO_TEST_CASE(the_first_that_fits_decides_and_none_is_none) {
    const Rules all = rules({rule("a", {"PUA.Win.*"}, Action::reject), rule("b", {"PUA.*", "X*"}, Action::accept)});
    BOOST_TEST(all.of("PUA.Win.Tool")->name == "a");
    BOOST_TEST(all.of("PUA.Html.x")->name == "b");
    BOOST_TEST(all.of("xyz")->name == "b");
    BOOST_TEST(all.of("Win.Trojan") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_rule_holds_for_its_listeners_alone) {
    config::Rule inside = rule("inside", {"*"}, Action::accept);
    inside.listeners = {"submission", "milter"};
    BOOST_TEST(rules({inside}, "").of("x") != nullptr);
    BOOST_TEST(rules({inside}, "submission").of("x") != nullptr);
    BOOST_TEST(rules({inside}, "other").of("x") == nullptr);
    BOOST_TEST(rules({inside}, "other").empty());
}

BOOST_AUTO_TEST_CASE(of_several_names_the_strictest_decision_holds_and_is_named) {
    const Policy tagging =
        policy({rule("spam", {"Spam.*"}, Action::accept), rule("hold", {"Hold.*"}, Action::quarantine)});
    struct Row {
        const char* names;
        Action action;
        const char* virus;
        const char* rule;
    };
    const Row rows[] = {
        {"Spam.1", Action::accept, "Spam.1", "spam"},
        {"Spam.1\nSpam.2", Action::accept, "Spam.1", "spam"},
        {"Spam.1\nHold.1", Action::quarantine, "Hold.1", "hold"},
        {"Spam.1\nHold.1\nWin.Trojan", Action::reject, "Win.Trojan", ""},
        {"Win.Trojan\nSpam.1", Action::reject, "Win.Trojan", ""},
    };
    for (const Row& row : rows) {
        const Decision decision = decide(infected(row.names), tagging, "4ABC");
        BOOST_TEST((decision.action == row.action), row.names);
        BOOST_TEST(decision.virus == row.virus);
        BOOST_TEST(decision.rule == row.rule);
        BOOST_TEST(decision.status == std::string("Infected (") + row.virus + ")");
        BOOST_TEST((decision.disposition == Disposition::infected));
        BOOST_TEST(decision.stamp == (row.action == Action::accept || row.action == Action::quarantine));
    }
    BOOST_TEST(decide(infected("Spam.1\nHold.1"), tagging, "").also == std::vector<std::string>{"Spam.1"},
               boost::test_tools::per_element());
    BOOST_TEST(decide(infected("Win.Trojan"), tagging, "").reply->text == "virus found: Win.Trojan");
}

BOOST_AUTO_TEST_CASE(names_for_which_there_was_no_room_are_decided_as_if_no_rule_fitted) {
    const Policy tagging = policy({rule("spam", {"Spam.*"}, Action::accept)});
    BOOST_TEST((decide(infected("Spam.1\nSpam.2\n(more names)"), tagging, "").action == Action::reject));
    const Policy all = policy({rule("all", {"*"}, Action::accept)});
    BOOST_TEST((decide(infected("Spam.1\n(more names)"), all, "").action == Action::accept));
}

BOOST_AUTO_TEST_CASE(a_rule_brings_its_text_and_each_rule_that_fits_its_field) {
    config::Rule spam = rule("spam", {"Spam.*"}, Action::accept);
    spam.header = "X-Spam-Tag: {virus} ({virus})";
    config::Rule phish = rule("phish", {"Phish.*"}, Action::accept);
    phish.header = "X-Phish: yes";
    config::Rule tool = rule("tool", {"Tool.*"}, Action::tempfail);
    tool.text = "550 5.7.1 no tools: {virus} above {limit}";
    const Policy all = policy({spam, phish, tool});
    const Decision tagged = decide(infected("Spam.1(x)\nPhish.1\nPhish.2"), all, "");
    BOOST_TEST_REQUIRE(tagged.fields.size() == 2U);
    BOOST_TEST(tagged.fields[0].name == "X-Spam-Tag");
    BOOST_TEST(tagged.fields[0].value == "Spam.1?x? (Spam.1?x?)");
    BOOST_TEST(tagged.fields[1].value == "yes");
    const Decision refused = decide(infected("Spam.1\nTool.1"), all, "");
    BOOST_TEST((*refused.reply == Reply{"451", "4.7.1", "no tools: Tool.1 above 1000"}));
    BOOST_TEST(!refused.stamp);
}

BOOST_AUTO_TEST_CASE(what_was_not_looked_at_or_failed_is_not_let_through_by_a_rule) {
    config::Actions actions;
    actions.encrypted = Action::reject;
    actions.incomplete = Action::accept;
    actions.error = Action::tempfail;
    const Policy tagging =
        policy({rule("spam", {"Spam.*"}, Action::accept), rule("no", {"No.*"}, Action::reject)}, actions);
    scanning::ScanReport report = infected("Spam.1");
    report.rest = Finding::incomplete;
    report.unseen = unseen_bit(Unseen::encrypted);
    const Decision encrypted = decide(report, tagging, "");
    BOOST_TEST((encrypted.action == Action::reject && encrypted.disposition == Disposition::incomplete));
    BOOST_TEST((encrypted.reason == Unseen::encrypted));
    report.unseen = unseen_bit(Unseen::limit);
    BOOST_TEST((decide(report, tagging, "").action == Action::accept));
    BOOST_TEST(decide(report, tagging, "").rule == "spam");
    for (const Finding failure : {Finding::scan_error, Finding::temp_failed}) {
        report.rest = failure;
        const Decision failed = decide(report, tagging, "");
        BOOST_TEST((failed.action == Action::tempfail && failed.disposition == Disposition::error));
        BOOST_TEST(failed.status != "Clean");
    }
    report.detail = "No.1";
    BOOST_TEST((decide(report, tagging, "").action == Action::reject)); // stricter than the failure's
}

BOOST_AUTO_TEST_SUITE_END()
