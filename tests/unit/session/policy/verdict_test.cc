// The verdict: every finding with every action. A failure is never clean, and every refusal has its reply.
#include "workers/session/policy/verdict.h"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

#include "workers/session/policy/unseen_policy.h"

using namespace evermilter;
using namespace evermilter::session;
using config::Action;

namespace {

constexpr std::array<Action, 5> kActions = {Action::accept, Action::reject, Action::tempfail, Action::discard,
                                            Action::quarantine};

// Which key decides a finding.
enum class Key { clean, infected, incomplete, oversize, error, poison, none };

struct Row {
    scanning::Finding finding;
    Key key;
    Disposition disposition;
    const char* status; // with the detail "Some.Thing"
    bool scanned;
};

constexpr std::array<Row, scanning::kFindings> kRows = {{
    {scanning::Finding::clean, Key::clean, Disposition::clean, "Clean", true},
    {scanning::Finding::infected, Key::infected, Disposition::infected, "Infected (Some.Thing)", true},
    {scanning::Finding::incomplete, Key::incomplete, Disposition::incomplete, "Not fully scanned (Some.Thing)", true},
    {scanning::Finding::scan_error, Key::error, Disposition::error, "Not scanned (scan failed)", false},
    {scanning::Finding::temp_failed, Key::error, Disposition::error, "Not scanned (scan failed)", false},
    {scanning::Finding::scanner_died, Key::error, Disposition::error, "Not scanned (scanner died)", false},
    {scanning::Finding::overdue, Key::error, Disposition::error, "Not scanned (scan timed out)", false},
    {scanning::Finding::queue_timeout, Key::error, Disposition::error, "Not scanned (no scanner was free)", false},
    {scanning::Finding::no_generation, Key::error, Disposition::error, "Not scanned (no signatures loaded)", false},
    {scanning::Finding::out_of_time, Key::error, Disposition::error, "Not scanned (scan timed out)", false},
    {scanning::Finding::bad_answer, Key::error, Disposition::error, "Not scanned (internal error)", false},
    {scanning::Finding::internal, Key::error, Disposition::error, "Not scanned (internal error)", false},
    {scanning::Finding::cancelled, Key::error, Disposition::error, "Not scanned (connection closed)", false},
    {scanning::Finding::oversize, Key::oversize, Disposition::oversize, "Not scanned (too large)", false},
    {scanning::Finding::store_failed, Key::error, Disposition::error, "Not scanned (out of storage)", false},
    {scanning::Finding::poison, Key::poison, Disposition::skipped, "Not scanned (poison message)", false},
    {scanning::Finding::exempt, Key::none, Disposition::skipped, "Not scanned (exempt)", false},
}};

config::Actions texts() {
    config::Actions actions;
    actions.reject_text = "550 5.7.1 virus found: {virus}";
    actions.error_text = "451 4.7.1 try again later";
    actions.oversize_text = "552 5.3.4 message is too large to be scanned for viruses";
    return actions;
}

Policy policy_of(const config::Actions& actions, Action poison = Action::tempfail) {
    auto policy = Policy::make(actions, poison);
    BOOST_REQUIRE(policy.ok());
    return std::move(*policy);
}

Action& action_of(config::Actions& actions, Action& poison, Key key) {
    switch (key) {
        case Key::clean:
            return actions.clean;
        case Key::infected:
            return actions.infected;
        case Key::incomplete:
            return actions.incomplete;
        case Key::oversize:
            return actions.oversize;
        case Key::poison:
            return poison;
        case Key::error:
        case Key::none:
            break;
    }
    return actions.error;
}

scanning::ScanReport report_of(scanning::Finding finding, std::string detail = "Some.Thing") {
    scanning::ScanReport report;
    report.finding = finding;
    report.detail = std::move(detail);
    report.generation = 7;
    // Of those whose own key is not set, so that actions.incomplete decides.
    if (finding == scanning::Finding::incomplete) report.unseen = unseen_bit(Unseen::encrypted);
    return report;
}

// What must hold of every decision, whoever asked for it.
void check_whole(const Decision& decision) {
    const bool refused = decision.action == Action::reject || decision.action == Action::tempfail;
    BOOST_TEST(decision.reply.has_value() == refused);
    if (decision.reply) BOOST_TEST(decision.reply->code[0] == (decision.action == Action::reject ? '5' : '4'));
    if (decision.reply) BOOST_TEST(decision.reply->xcode[0] == decision.reply->code[0]);
    BOOST_TEST(decision.stamp == (decision.action == Action::accept || decision.action == Action::quarantine));
    BOOST_TEST(decision.quarantine.empty() == (decision.action != Action::quarantine));
    BOOST_TEST((decision.status == "Clean") == (decision.disposition == Disposition::clean));
    BOOST_TEST(decision.reason.has_value() == (decision.disposition == Disposition::incomplete));
}

scanning::ScanReport incomplete(UnseenSet reasons, std::string detail) {
    scanning::ScanReport report = report_of(scanning::Finding::incomplete, std::move(detail));
    report.unseen = reasons;
    return report;
}

void set(config::Actions& actions, Unseen reason, Action action) {
    switch (reason) {
        case Unseen::partial:
            actions.partial = action;
            break;
        case Unseen::encrypted:
            actions.encrypted = action;
            break;
        case Unseen::limit:
            actions.limit = action;
            break;
        case Unseen::unsupported:
            actions.unsupported = action;
            break;
        case Unseen::malformed:
            actions.malformed = action;
            break;
        case Unseen::ambiguous:
            actions.ambiguous = action;
            break;
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(verdict_test)

BOOST_AUTO_TEST_CASE(each_finding_is_decided_by_its_own_key_alone) {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        const Row& row = kRows[i];
        BOOST_REQUIRE(static_cast<std::size_t>(row.finding) == i); // none is left out
        for (const Action wanted : kActions)
            for (const Action others : kActions) {
                BOOST_TEST_CONTEXT(scanning::finding_name(row.finding) << ", action " << static_cast<int>(wanted)
                                                                       << ", others " << static_cast<int>(others)) {
                    config::Actions actions = texts();
                    Action poison = others;
                    for (const Key key : {Key::clean, Key::infected, Key::incomplete, Key::oversize, Key::error})
                        action_of(actions, poison, key) = others;
                    action_of(actions, poison, row.key) = wanted;
                    const Policy policy = policy_of(actions, poison);
                    const Decision decision = decide(report_of(row.finding), policy, "4ABC");
                    BOOST_TEST((decision.action == (row.key == Key::none ? Action::accept : wanted)));
                    BOOST_TEST((decision.disposition == row.disposition));
                    BOOST_TEST(decision.status == row.status);
                    BOOST_TEST(decision.scanned == row.scanned);
                    check_whole(decision);
                    check_whole(without_quarantine(decision, report_of(row.finding), policy, "4ABC"));
                }
            }
    }
}

BOOST_AUTO_TEST_CASE(only_clean_is_clean) {
    for (const Row& row : kRows) {
        const Decision decision = decide(report_of(row.finding, "Clean"), policy_of(texts()), "");
        BOOST_TEST((decision.disposition == Disposition::clean) == (row.finding == scanning::Finding::clean));
        BOOST_TEST((decision.status == "Clean") == (row.finding == scanning::Finding::clean));
    }
}

BOOST_AUTO_TEST_CASE(a_report_that_nobody_filled_in_is_a_failure) {
    const Decision decision = decide(scanning::ScanReport{}, policy_of(texts()), "");
    BOOST_TEST((decision.disposition == Disposition::error));
    BOOST_TEST((decision.action == Action::tempfail));
    BOOST_TEST((Decision{}.action == Action::tempfail));
    BOOST_TEST((Decision{}.disposition == Disposition::error));
}

BOOST_AUTO_TEST_CASE(replies_say_what_happened) {
    struct Case {
        scanning::Finding finding;
        Action action;
        Reply reply;
    };
    const std::vector<Case> cases = {
        {scanning::Finding::infected, Action::reject, {"550", "5.7.1", "virus found: Some.Thing"}},
        {scanning::Finding::infected, Action::tempfail, {"451", "4.7.1", "virus found: Some.Thing"}},
        {scanning::Finding::scan_error, Action::tempfail, {"451", "4.7.1", "try again later"}},
        {scanning::Finding::scan_error, Action::reject, {"550", "5.7.1", "try again later"}},
        {scanning::Finding::oversize,
         Action::reject,
         {"552", "5.3.4", "message is too large to be scanned for viruses"}},
        {scanning::Finding::oversize,
         Action::tempfail,
         {"451", "4.3.4", "message is too large to be scanned for viruses"}},
        {scanning::Finding::incomplete,
         Action::reject,
         {"550", "5.7.1", "message has encrypted content, which cannot be scanned for viruses (Some.Thing)"}},
    };
    for (const Case& one : cases) {
        config::Actions actions = texts();
        actions.infected = actions.error = actions.oversize = actions.incomplete = one.action;
        const Decision decision = decide(report_of(one.finding), policy_of(actions), "");
        BOOST_REQUIRE(decision.reply.has_value());
        BOOST_TEST((*decision.reply == one.reply), decision.reply->code << ' ' << decision.reply->text);
    }
}

BOOST_AUTO_TEST_CASE(each_pair_of_reasons_is_answered_counted_and_stamped_by_the_stricter) {
    // From the strictest, as the documentation says.
    constexpr std::array<Action, 5> kOrder = {Action::reject, Action::tempfail, Action::quarantine, Action::discard,
                                              Action::accept};
    for (const Unseen first : kUnseenReasons)
        for (const Unseen second : kUnseenReasons) {
            if (second < first) continue; // a pair of the same is one reason alone
            for (std::size_t a = 0; a < kOrder.size(); ++a)
                for (std::size_t b = 0; b < kOrder.size(); ++b) {
                    if (first == second && a != b) continue;
                    config::Actions actions = texts();
                    set(actions, first, kOrder.at(a));
                    set(actions, second, kOrder.at(b));
                    const Policy policy = policy_of(actions);
                    const scanning::ScanReport report = incomplete(unseen_bit(first) | unseen_bit(second), "One, Two");
                    const Decision decision = decide(report, policy, "4ABC");
                    BOOST_TEST_CONTEXT(unseen_name(first) << ' ' << a << ", " << unseen_name(second) << ' ' << b) {
                        BOOST_TEST((decision.action == kOrder.at(std::min(a, b))));
                        BOOST_TEST((decision.disposition == Disposition::incomplete));
                        BOOST_REQUIRE(decision.reason.has_value());
                        BOOST_TEST((*decision.reason == (b < a ? second : first)));
                        BOOST_TEST(decision.status == "Not fully scanned (One, Two)");
                        BOOST_TEST(decision.scanned);
                        if (decision.reply)
                            BOOST_TEST(decision.reply->text ==
                                       std::string(reply_text(*decision.reason)) + " (One, Two)");
                        check_whole(decision);
                        const Decision other = without_quarantine(decision, report, policy, "4ABC");
                        BOOST_TEST((other.action != Action::quarantine));
                        BOOST_TEST((other.reason == decision.reason));
                        check_whole(other);
                    }
                }
        }
}

BOOST_AUTO_TEST_CASE(a_fragment_is_refused_by_default_with_the_words_of_the_rfc) {
    const Decision decision = decide(incomplete(unseen_bit(Unseen::partial), "partial"), policy_of(texts()), "");
    BOOST_TEST((decision.action == Action::reject));
    BOOST_REQUIRE(decision.reply.has_value());
    BOOST_TEST((*decision.reply == Reply{"550", "5.7.1",
                                         "message is a fragment (message/partial, RFC 2046 section 5.2.2), which "
                                         "cannot be scanned for viruses; send it whole"}),
               decision.reply->text);
}

BOOST_AUTO_TEST_CASE(what_was_met_is_named_by_the_scanners_labels_or_else_by_the_reasons) {
    struct Case {
        const char* detail;
        const char* status;
    };
    const UnseenSet reasons = unseen_bit(Unseen::limit) | unseen_bit(Unseen::encrypted);
    constexpr Case cases[] = {
        {"encrypted, MaxFileSize", "Not fully scanned (encrypted, MaxFileSize)"},
        {"message/external-body", "Not fully scanned (message/external-body)"},
        {"", "Not fully scanned (encrypted, limit)"},
        // Nothing of this host goes out.
        {"cannot open /run/evermilter/tmp/g1-s0", "Not fully scanned (encrypted, limit)"},
        {"/run/x", "Not fully scanned (encrypted, limit)"},
        {"in '/run/x'", "Not fully scanned (encrypted, limit)"},
        {"a\r\nX-Virus-Status: Clean", "Not fully scanned (a??X-Virus-Status: Clean)"},
    };
    for (const Case& one : cases)
        BOOST_TEST(decide(incomplete(reasons, one.detail), policy_of(texts()), "").status == one.status);
    BOOST_TEST(decide(incomplete(reasons, std::string(1024, 'x')), policy_of(texts()), "").status.size() < 250U);
}

BOOST_AUTO_TEST_CASE(incomplete_without_a_known_reason_is_a_failure) {
    for (const UnseenSet none : {UnseenSet{0}, ~kAllUnseen}) {
        config::Actions actions = texts();
        for (const Unseen reason : kUnseenReasons) set(actions, reason, Action::accept);
        const Decision decision = decide(incomplete(none, "MaxFiles"), policy_of(actions), "");
        BOOST_TEST((decision.disposition == Disposition::error));
        BOOST_TEST((decision.action == Action::tempfail));
        check_whole(decision);
    }
}

BOOST_AUTO_TEST_CASE(a_quarantine_that_the_mta_does_not_offer_lets_nothing_through) {
    config::Actions actions = texts();
    actions.infected = Action::quarantine;
    const scanning::ScanReport report = report_of(scanning::Finding::infected);
    const Policy policy = policy_of(actions);
    const Decision decision = without_quarantine(decide(report, policy, "4ABC"), report, policy, "4ABC");
    BOOST_TEST((decision.action == Action::tempfail));
    BOOST_TEST((decision.disposition == Disposition::infected));
    BOOST_TEST(!decision.stamp);
}

BOOST_AUTO_TEST_CASE(a_name_cannot_leave_its_header) {
    config::Actions actions = texts();
    actions.infected = Action::accept;
    const std::string evil = "a)\r\nX-Virus-Status: Clean\r\n(\x80" + std::string(1000, 'b');
    const Decision decision = decide(report_of(scanning::Finding::infected, evil), policy_of(actions), "");
    BOOST_TEST(decision.status.find_first_of("\r\n\x80") == std::string::npos);
    BOOST_TEST(decision.status.size() < 250U);
    BOOST_TEST(decision.status.starts_with("Infected (a??"));
    BOOST_TEST(decide(report_of(scanning::Finding::infected, ""), policy_of(actions), "").status ==
               "Infected (unnamed)");
}

BOOST_AUTO_TEST_CASE(what_a_scanner_says_of_its_failure_stays_on_this_host) {
    config::Actions actions = texts();
    actions.error = Action::accept;
    const std::string secret = "/run/evermilter/tmp/g1-s0: No such file or directory";
    for (const Row& row : kRows)
        if (row.key == Key::error)
            BOOST_TEST(decide(report_of(row.finding, secret), policy_of(actions), "").status.find("/run") ==
                       std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_wrong_text_is_refused_with_its_key) {
    config::Actions actions = texts();
    actions.reject_text = "virus";
    BOOST_TEST(Policy::make(actions, Action::tempfail).error().what.starts_with("actions.reject_text: "));
    actions = texts();
    actions.error_text = "250 fine";
    BOOST_TEST(Policy::make(actions, Action::tempfail).error().what.starts_with("actions.error_text: "));
}

BOOST_AUTO_TEST_CASE(too_many_forged_fields_never_make_an_answer_milder) {
    constexpr std::array kStrictness = {Action::accept, Action::discard, Action::quarantine, Action::tempfail,
                                        Action::reject};
    const auto rank = [&](Action action) {
        return std::find(kStrictness.begin(), kStrictness.end(), action) - kStrictness.begin();
    };
    for (const Action found : kActions) {
        for (const Action forged : kActions) {
            config::Actions actions = texts();
            actions.oversize = found;
            actions.forged = forged;
            const Policy policy = policy_of(actions);
            scanning::ScanReport report;
            report.finding = scanning::Finding::oversize;
            const Decision before = decide(report, policy, "Q");
            const Decision after = with_too_many_forged(before, policy);
            const bool goes_on = found == Action::accept || found == Action::quarantine;
            BOOST_TEST(after.too_many_forged == goes_on);
            BOOST_TEST(rank(after.action) == (goes_on ? std::max(rank(found), rank(forged)) : rank(found)));
            BOOST_TEST((after.disposition == before.disposition));
            const bool refused = after.action == Action::reject || after.action == Action::tempfail;
            BOOST_TEST(after.reply.has_value() == refused);
            if (refused) BOOST_TEST(after.reply->code.front() == (after.action == Action::reject ? '5' : '4'));
            BOOST_TEST(!after.quarantine.empty() == (after.action == Action::quarantine));
            // They are left alone wherever the message goes on, and never removed in part.
            BOOST_TEST(after.stamp == (after.action == Action::accept || after.action == Action::quarantine));
            BOOST_TEST(after.keep_forged == after.stamp);
        }
    }
}

BOOST_AUTO_TEST_CASE(observing_lets_everything_go_on_and_says_what_would_have_been_done) {
    for (const Action action : kActions) {
        config::Actions actions = texts();
        actions.infected = action;
        const Decision decision = decide(report_of(scanning::Finding::infected), policy_of(actions), "4ABC");
        const Decision seen = observed(decision);
        BOOST_TEST((seen.action == Action::accept));
        BOOST_TEST(seen.stamp);
        BOOST_TEST(!seen.reply.has_value());
        BOOST_TEST(seen.quarantine.empty());
        BOOST_TEST(seen.status == decision.status);
        BOOST_TEST((seen.disposition == Disposition::infected));
        BOOST_TEST((seen.observed == (action == Action::accept ? std::nullopt : std::optional(action))));
    }
}

BOOST_AUTO_TEST_CASE(oversized_and_incomplete_messages_have_texts_of_their_own) {
    config::Actions actions = texts();
    actions.oversize = actions.incomplete = Action::reject;
    actions.oversize_text = "552 5.3.4 more than {limit} bytes\nsee our pages, {queue_id}";
    actions.incomplete_text = "554 5.7.1 not as a whole";
    const auto policy = Policy::make(actions, Action::tempfail, 1000);
    BOOST_REQUIRE(policy.ok());
    const auto reply = [&](scanning::Finding finding) { return *decide(report_of(finding), *policy, "4ABC").reply; };
    BOOST_TEST(
        (reply(scanning::Finding::oversize) == Reply{"552", "5.3.4", "more than 1000 bytes\nsee our pages, 4ABC"}));
    BOOST_TEST((reply(scanning::Finding::incomplete) == Reply{"554", "5.7.1", "not as a whole"}));
}

BOOST_AUTO_TEST_SUITE_END()
