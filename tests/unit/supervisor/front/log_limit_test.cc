// How many lines strangers may put into the log.
#include "supervisor/front/log_limit.h"

#include <boost/test/unit_test.hpp>

using evermilter::supervisor::LogLimit;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(log_limit)

BOOST_AUTO_TEST_CASE(one_line_a_minute_of_each_peer_and_kind_with_the_number_left_out) {
    LogLimit limit;
    const LogLimit::Time start{};
    BOOST_TEST(limit.pass("a", "smtp", start).value() == 0U);
    BOOST_TEST(!limit.pass("a", "smtp", start + 1s).has_value());
    BOOST_TEST(!limit.pass("a", "smtp", start + 59s).has_value());
    BOOST_TEST(limit.pass("a", "http", start + 59s).value() == 0U);
    BOOST_TEST(limit.pass("b", "smtp", start + 59s).value() == 0U);
    BOOST_TEST(limit.pass("a", "smtp", start + 60s).value() == 2U);
    BOOST_TEST(!limit.pass("a", "smtp", start + 61s).has_value());
    BOOST_TEST(limit.pass("a", "smtp", start + 120s).value() == 1U);
}

BOOST_AUTO_TEST_CASE(the_first_of_a_kind_is_logged_however_many_peers_there_were) {
    LogLimit limit;
    const LogLimit::Time now{};
    std::size_t logged = 0;
    for (std::size_t peer = 0; peer < 4 * LogLimit::kMaxPeers; ++peer) {
        if (limit.pass(std::to_string(peer), "smtp", now)) ++logged;
    }
    BOOST_TEST(logged == LogLimit::kMaxPeers + 1, "beyond the table all share one line");
    BOOST_TEST(limit.pass("another", "tls", now).has_value());
    BOOST_TEST(!limit.pass("and another", "tls", now).has_value());
}

BOOST_AUTO_TEST_CASE(old_peers_make_room) {
    LogLimit limit;
    const LogLimit::Time now{};
    for (std::size_t peer = 0; peer < 2 * LogLimit::kMaxPeers; ++peer) (void)limit.pass(std::to_string(peer), "x", now);
    BOOST_TEST(limit.pass("new 1", "x", now + 2min).has_value());
    BOOST_TEST(limit.pass("new 2", "x", now + 2min).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
