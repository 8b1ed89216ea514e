// Sessions by id, by worker and by peer.
#include "supervisor/front/session_registry.h"

#include <boost/test/unit_test.hpp>

using evermilter::UnixPeer;
using evermilter::supervisor::Peer;
using evermilter::supervisor::Session;
using evermilter::supervisor::SessionRegistry;

namespace {

// A peer is counted by its user.
Session session(std::uint64_t id, std::uint64_t worker, uid_t user) {
    return Session{id, Peer(UnixPeer{1, user, 1}), worker, 0};
}

} // namespace

BOOST_AUTO_TEST_SUITE(session_registry)

BOOST_AUTO_TEST_CASE(sessions_are_counted_by_peer) {
    SessionRegistry registry;
    registry.add(session(1, 7, 107));
    registry.add(session(2, 7, 107));
    registry.add(session(3, 8, 108));
    BOOST_TEST(registry.of_peer("unix:uid=107") == 2U);
    BOOST_TEST(registry.of_peer("unix:uid=108") == 1U);
    BOOST_TEST(registry.of_peer("unix:uid=109") == 0U);
    BOOST_TEST(registry.remove(1, 7).has_value());
    BOOST_TEST(registry.of_peer("unix:uid=107") == 1U);
}

BOOST_AUTO_TEST_CASE(a_worker_cannot_end_a_session_of_another_or_one_twice) {
    SessionRegistry registry;
    registry.add(session(1, 7, 107));
    BOOST_TEST(!registry.remove(1, 8).has_value());
    BOOST_TEST(registry.size() == 1U);
    BOOST_TEST(registry.remove(1, 7).has_value());
    BOOST_TEST(!registry.remove(1, 7).has_value());
    BOOST_TEST(!registry.remove(99, 7).has_value());
}

BOOST_AUTO_TEST_CASE(the_death_of_a_worker_ends_its_sessions_and_no_others) {
    SessionRegistry registry;
    registry.add(session(1, 7, 107));
    registry.add(session(2, 8, 107));
    registry.add(session(3, 7, 108));
    BOOST_TEST(registry.remove_worker(7).size() == 2U);
    BOOST_TEST(registry.size() == 1U);
    BOOST_TEST(registry.of_peer("unix:uid=107") == 1U);
    BOOST_TEST(registry.of_peer("unix:uid=108") == 0U);
    BOOST_TEST(registry.all().contains(2));
}

BOOST_AUTO_TEST_CASE(a_waiting_session_belongs_to_the_worker_that_it_is_given_to) {
    SessionRegistry registry;
    registry.add(session(1, 0, 107));
    registry.assign(1, 7, 3);
    BOOST_TEST(!registry.remove(1, 0).has_value());
    const auto ended = registry.remove(1, 7);
    BOOST_REQUIRE(ended.has_value());
    BOOST_TEST(ended->slot == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
