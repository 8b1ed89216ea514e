// The restart policy with a clock and a randomness of the test's own.
#include "supervisor/children/restart_policy.h"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>

using evermilter::supervisor::RestartPolicy;
using namespace std::chrono_literals;

namespace {

// With random = 1 the delay is the whole backoff.
constexpr double kFull = 1.0;
constexpr double kHalf = 0.0;

RestartPolicy policy() {
    return RestartPolicy({.first = 100ms, .longest = 1s, .degraded_after = 3});
}

RestartPolicy::Time delay(const RestartPolicy& policy, RestartPolicy::Time now) {
    return policy.not_before() - now;
}

} // namespace

BOOST_AUTO_TEST_SUITE(restart_policy)

BOOST_AUTO_TEST_CASE(at_first_nothing_is_waited_for) {
    BOOST_TEST(policy().not_before().count() == 0);
}

BOOST_AUTO_TEST_CASE(the_delay_doubles_with_each_failure_up_to_its_bound) {
    RestartPolicy restarts = policy();
    RestartPolicy::Time now = 10s;
    for (const RestartPolicy::Time expected : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
        restarts.failed(now, kFull);
        BOOST_TEST(delay(restarts, now).count() == expected.count());
        now += 1min;
    }
}

BOOST_AUTO_TEST_CASE(jitter_takes_away_at_most_half) {
    RestartPolicy restarts = policy();
    restarts.failed(5s, kHalf);
    BOOST_TEST(delay(restarts, 5s).count() == RestartPolicy::Time(50ms).count());
    for (const double random : {0.1, 0.5, 0.9}) {
        RestartPolicy one = policy();
        one.failed(5s, random);
        BOOST_TEST(delay(one, 5s).count() > RestartPolicy::Time(50ms).count());
        BOOST_TEST(delay(one, 5s).count() < RestartPolicy::Time(100ms).count());
    }
}

BOOST_AUTO_TEST_CASE(starting_resets_nothing_only_service_does) {
    RestartPolicy restarts = policy();
    restarts.failed(1s, kFull);
    restarts.failed(2s, kFull);
    // It is started again here, which the policy is not even told.
    restarts.failed(3s, kFull);
    BOOST_TEST(delay(restarts, 3s).count() == RestartPolicy::Time(400ms).count());
    restarts.proven();
    BOOST_TEST(restarts.failures() == 0U);
}

BOOST_AUTO_TEST_CASE(the_first_failure_after_service_costs_no_delay_the_next_one_does) {
    RestartPolicy restarts = policy();
    restarts.proven();
    restarts.failed(1s, kFull);
    BOOST_TEST(delay(restarts, 1s).count() == 0);
    restarts.failed(2s, kFull);
    BOOST_TEST(delay(restarts, 2s).count() == RestartPolicy::Time(200ms).count());
}

// What says that it has served may lie.
BOOST_AUTO_TEST_CASE(failures_after_service_that_follow_each_other_fast_have_a_growing_delay) {
    RestartPolicy restarts({.first = 100ms, .longest = 30s, .at_once = 10, .forgotten = 1s});
    RestartPolicy::Time now = 100s;
    int starts = 0;
    for (const RestartPolicy::Time end = now + 60s; now < end; ++starts) {
        restarts.proven();
        restarts.failed(now, kHalf);
        restarts.proven(); // by another that lives
        now = std::max(now + 1ms, restarts.not_before());
    }
    BOOST_TEST(starts >= 10);
    BOOST_TEST(starts < 10 + 2 * 60 + 20);
    // Once it is quiet, such a failure costs nothing again.
    now += 5min;
    restarts.proven();
    restarts.failed(now, kHalf);
    BOOST_TEST(delay(restarts, now).count() == 0);
}

BOOST_AUTO_TEST_CASE(a_role_that_fails_again_and_again_is_degraded_until_it_has_served) {
    RestartPolicy restarts = policy();
    restarts.failed(1s, kFull);
    restarts.failed(2s, kFull);
    BOOST_TEST(!restarts.degraded());
    restarts.failed(3s, kFull);
    BOOST_TEST(restarts.degraded());
    restarts.proven();
    BOOST_TEST(!restarts.degraded());
}

BOOST_AUTO_TEST_SUITE_END()
