// Requests to reload that come together become one.
#include "supervisor/reload_requests.h"

#include <boost/test/unit_test.hpp>

using evermilter::supervisor::ReloadOutcome;
using evermilter::supervisor::ReloadRequest;
using evermilter::supervisor::ReloadRequests;

BOOST_AUTO_TEST_SUITE(reload_requests)

BOOST_AUTO_TEST_CASE(requests_that_wait_are_one_reload_and_every_caller_is_told) {
    ReloadRequests requests;
    int told = 0;
    for (int i = 0; i < 3; ++i)
        requests.add(
            {}, [&](const ReloadOutcome&) { ++told; }, 100 + i);
    auto batch = requests.take();
    BOOST_TEST(requests.empty());
    BOOST_TEST(batch.since_ns == 100);
    for (const auto& caller : batch.callers) caller({});
    BOOST_TEST(told == 3);
}

BOOST_AUTO_TEST_CASE(one_forced_request_forces_all) {
    ReloadRequests requests;
    requests.add({}, {}, 1);
    requests.add({.force = true}, {}, 2);
    requests.add({}, {}, 3);
    BOOST_TEST(requests.take().request.force);
}

BOOST_AUTO_TEST_CASE(it_is_by_itself_only_if_nobody_asked) {
    ReloadRequests requests;
    requests.add({.by_itself = true}, {}, 1);
    BOOST_TEST(requests.front().by_itself);
    requests.add({}, {}, 2);
    BOOST_TEST(!requests.take().request.by_itself);
}

BOOST_AUTO_TEST_CASE(a_rollback_is_not_lost_in_a_plain_reload) {
    ReloadRequests requests;
    requests.add({.rollback_to = 5, .rollback = true}, {}, 1);
    requests.add({}, {}, 2);
    const auto batch = requests.take();
    BOOST_TEST(batch.request.rollback);
    BOOST_TEST(batch.request.rollback_to == 5U);
}

BOOST_AUTO_TEST_CASE(what_comes_after_it_was_taken_is_the_next_reload) {
    ReloadRequests requests;
    requests.add({.force = true}, {}, 1);
    static_cast<void>(requests.take());
    requests.add({}, {}, 9);
    BOOST_TEST(!requests.empty());
    BOOST_TEST(!requests.front().force);
    BOOST_TEST(requests.take().since_ns == 9);
}

BOOST_AUTO_TEST_SUITE_END()
