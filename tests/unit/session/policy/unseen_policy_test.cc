// Several reasons, several actions: which decides. Every subset of reasons is tried with every choice of actions.
#include "workers/session/policy/unseen_policy.h"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <set>
#include <string>

using namespace evermilter;
using namespace evermilter::session;
using config::Action;

namespace {

constexpr std::size_t kActions = 5;
// From the strictest: the order that the documentation promises.
constexpr std::array<Action, kActions> kStrictest = {Action::reject, Action::tempfail, Action::quarantine,
                                                     Action::discard, Action::accept};

std::size_t rank(Action action) {
    return static_cast<std::size_t>(std::find(kStrictest.begin(), kStrictest.end(), action) - kStrictest.begin());
}

void set(config::Actions& actions, Unseen reason, Action action) {
    switch (reason) {
        case Unseen::partial:
            actions.partial = action;
            return;
        case Unseen::encrypted:
            actions.encrypted = action;
            return;
        case Unseen::limit:
            actions.limit = action;
            return;
        case Unseen::unsupported:
            actions.unsupported = action;
            return;
        case Unseen::malformed:
            actions.malformed = action;
            return;
        case Unseen::ambiguous:
            actions.ambiguous = action;
            return;
    }
}

bool has(UnseenSet reasons, Unseen reason) {
    return (reasons & unseen_bit(reason)) != 0;
}

// Every choice of an action for each reason, as a number of six digits to the base of five.
template <class Each>
void each_choice(Each each) {
    std::size_t choices = 1;
    for (std::size_t i = 0; i < kUnseen; ++i) choices *= kActions;
    for (std::size_t choice = 0; choice < choices; ++choice) {
        config::Actions actions;
        std::size_t digits = choice;
        for (const Unseen reason : kUnseenReasons) {
            set(actions, reason, kStrictest.at(digits % kActions));
            digits /= kActions;
        }
        each(actions);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(unseen_policy_test)

BOOST_AUTO_TEST_CASE(by_default_fragments_are_rejected_and_the_rest_does_what_actions_incomplete_says) {
    for (const Action incomplete : kStrictest) {
        config::Actions actions;
        actions.incomplete = incomplete;
        for (const Unseen reason : kUnseenReasons) {
            const Action wanted = reason == Unseen::partial ? Action::reject : incomplete;
            BOOST_TEST((action_for(actions, reason) == wanted), unseen_name(reason));
        }
    }
}

BOOST_AUTO_TEST_CASE(each_reason_has_a_key_of_its_own_that_touches_no_other) {
    for (const Unseen mine : kUnseenReasons)
        for (const Action action : kStrictest) {
            config::Actions actions;
            set(actions, mine, action);
            for (const Unseen other : kUnseenReasons)
                BOOST_TEST(
                    (action_for(actions, other) == (other == mine ? action : action_for(config::Actions{}, other))));
        }
}

BOOST_AUTO_TEST_CASE(the_strictest_action_of_all_reasons_is_taken_and_the_first_reason_that_has_it_is_named) {
    std::size_t tried = 0;
    std::size_t wrong = 0;
    each_choice([&](const config::Actions& actions) {
        for (UnseenSet reasons = 1; reasons <= kAllUnseen; ++reasons) {
            std::optional<Unseen> wanted;
            for (const Unseen reason : kUnseenReasons)
                if (has(reasons, reason) &&
                    (!wanted || rank(action_for(actions, reason)) < rank(action_for(actions, *wanted))))
                    wanted = reason;
            const Deciding decided = deciding(reasons, actions);
            ++tried;
            if (decided.reason != *wanted || decided.action != action_for(actions, *wanted)) ++wrong;
        }
    });
    BOOST_TEST(tried == 15625U * 63U);
    BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_CASE(a_further_reason_never_makes_the_answer_milder) {
    std::size_t milder = 0;
    each_choice([&](const config::Actions& actions) {
        for (UnseenSet reasons = 1; reasons <= kAllUnseen; ++reasons)
            for (const Unseen more : kUnseenReasons)
                if (rank(deciding(reasons | unseen_bit(more), actions).action) >
                    rank(deciding(reasons, actions).action))
                    ++milder;
    });
    BOOST_TEST(milder == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_that_one_reason_keeps_is_not_dropped_for_another) {
    for (const Action kept : {Action::reject, Action::tempfail, Action::quarantine})
        for (const Unseen one : kUnseenReasons)
            for (const Unseen other : kUnseenReasons) {
                if (one == other) continue;
                config::Actions actions;
                set(actions, one, kept);
                set(actions, other, Action::discard);
                BOOST_TEST((deciding(unseen_bit(one) | unseen_bit(other), actions).action == kept));
            }
}

BOOST_AUTO_TEST_CASE(without_a_known_reason_nothing_is_accepted) {
    for (const UnseenSet none : {UnseenSet{0}, ~kAllUnseen})
        BOOST_TEST((deciding(none, config::Actions{}).action == Action::reject));
    // An unknown reason beside a known one has no say.
    BOOST_TEST((deciding(~kAllUnseen | unseen_bit(Unseen::limit), config::Actions{}).reason == Unseen::limit));
}

BOOST_AUTO_TEST_CASE(reasons_are_listed_in_their_order) {
    BOOST_TEST(unseen_list(0).empty());
    BOOST_TEST(unseen_list(unseen_bit(Unseen::limit)) == "limit");
    BOOST_TEST(unseen_list(~UnseenSet{0}) == "partial, encrypted, limit, unsupported, malformed, ambiguous");
}

BOOST_AUTO_TEST_CASE(each_reason_is_told_in_words_of_its_own) {
    std::set<std::string> texts;
    for (const Unseen reason : kUnseenReasons) BOOST_TEST(texts.insert(reply_text(reason)).second);
    BOOST_TEST(std::string(reply_text(Unseen::partial)).find("message/partial, RFC 2046 section 5.2.2") !=
               std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
