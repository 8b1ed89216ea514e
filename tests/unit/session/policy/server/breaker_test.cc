// When a policy server is asked, and when it is left alone.
#include "workers/session/policy/server/breaker.h"

#include <boost/test/unit_test.hpp>

using evermilter::SteadyTime;
using evermilter::session::Breaker;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(breaker_)

BOOST_AUTO_TEST_CASE(after_failures_in_a_row_it_is_suspended_and_then_tried_by_one) {
    Breaker breaker(3, 10s);
    SteadyTime now{};
    for (int i = 0; i < 2; ++i) BOOST_TEST((breaker.failed(now) == Breaker::Change::none));
    BOOST_TEST((breaker.succeeded() == Breaker::Change::none)); // not in a row any more
    for (int i = 0; i < 2; ++i) BOOST_TEST((breaker.failed(now) == Breaker::Change::none));
    BOOST_TEST(breaker.allows(now));
    BOOST_TEST((breaker.failed(now) == Breaker::Change::suspended));
    BOOST_TEST(!breaker.allows(now + 9s));
    now += 10s;
    BOOST_TEST(breaker.allows(now));
    BOOST_TEST(!breaker.allows(now)); // one at a time
    BOOST_TEST((breaker.failed(now) == Breaker::Change::none));
    BOOST_TEST(!breaker.allows(now + 9s));
    now += 10s;
    BOOST_TEST(breaker.allows(now));
    BOOST_TEST((breaker.succeeded() == Breaker::Change::resumed));
    for (int i = 0; i < 3; ++i) BOOST_TEST(breaker.allows(now));
    for (int i = 0; i < 2; ++i) BOOST_TEST((breaker.failed(now) == Breaker::Change::none));
}

BOOST_AUTO_TEST_CASE(questions_on_their_way_when_it_is_suspended_change_nothing_but_good_news) {
    Breaker breaker(1, 10s);
    const SteadyTime now{};
    BOOST_TEST((breaker.failed(now) == Breaker::Change::suspended));
    BOOST_TEST((breaker.failed(now + 1s) == Breaker::Change::none));
    BOOST_TEST(!breaker.allows(now + 10s)); // the later failure counts
    BOOST_TEST((breaker.succeeded() == Breaker::Change::resumed));
}

BOOST_AUTO_TEST_CASE(a_trial_that_is_given_up_leaves_the_next_its_turn) {
    Breaker breaker(1, 10s);
    const SteadyTime now{};
    BOOST_TEST((breaker.failed(now) == Breaker::Change::suspended));
    BOOST_TEST(breaker.allows(now + 10s));
    breaker.given_up();
    BOOST_TEST(breaker.allows(now + 10s));
}

BOOST_AUTO_TEST_SUITE_END()
