// Peers as text, and what their connections are counted by. From real sockets: listener_test.
#include "workers/common/base/peer_address.h"

#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "tests/support/peers.h"
#include "workers/common/base/unique_fd.h"

using namespace evermilter;
using evermilter::test::ipv4_peer;
using evermilter::test::ipv6_peer;

BOOST_AUTO_TEST_SUITE(peer_address_)

BOOST_AUTO_TEST_CASE(the_text_names_address_and_port_or_process_and_user) {
    BOOST_TEST(to_text(ipv4_peer("192.0.2.1", 4711)) == "192.0.2.1:4711");
    BOOST_TEST(to_text(ipv6_peer("2001:db8::1", 4711)) == "[2001:db8::1]:4711");
    BOOST_TEST(to_text(UnixPeer{77, 101, 102}) == "unix pid=77 uid=101");
}

BOOST_AUTO_TEST_CASE(connections_are_counted_by_address_or_user_alone) {
    BOOST_TEST(origin_of(ipv4_peer("192.0.2.1", 1)) == origin_of(ipv4_peer("192.0.2.1", 2)));
    BOOST_TEST(origin_of(ipv4_peer("192.0.2.1", 1)) != origin_of(ipv4_peer("192.0.2.2", 1)));
    BOOST_TEST(origin_of(ipv6_peer("2001:db8::1", 1)) == "2001:db8::1");
    BOOST_TEST(origin_of(UnixPeer{77, 101, 102}) == origin_of(UnixPeer{78, 101, 103}));
    BOOST_TEST(origin_of(UnixPeer{77, 101, 102}) != origin_of(UnixPeer{77, 102, 102}));
}

BOOST_AUTO_TEST_CASE(a_socket_without_a_peer_is_an_error_that_says_so) {
    const unique_fd alone(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(alone);
    const auto peer = peer_address(alone.get());
    BOOST_REQUIRE(!peer.ok());
    BOOST_TEST(peer.error().code == ENOTCONN);
}

BOOST_AUTO_TEST_SUITE_END()
