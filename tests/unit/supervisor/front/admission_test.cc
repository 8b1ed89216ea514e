// Who may come in, and how many.
#include "supervisor/front/admission.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/peers.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using evermilter::test::ipv4_peer;
using evermilter::test::ipv6_peer;

namespace {

AllowList allow(const std::vector<std::string>& networks) {
    auto list = AllowList::parse(networks);
    BOOST_REQUIRE(list.ok());
    return *list;
}

} // namespace

BOOST_AUTO_TEST_SUITE(admission)

BOOST_AUTO_TEST_CASE(only_listed_networks_may_come_by_tcp_and_everybody_by_the_unix_socket) {
    const AllowList list = allow({"127.0.0.0/8", "::1/128", "192.0.2.0/24"});
    BOOST_TEST(list.allows(ipv4_peer("127.0.0.1")));
    BOOST_TEST(list.allows(ipv4_peer("192.0.2.9")));
    BOOST_TEST(list.allows(ipv6_peer("::1")));
    BOOST_TEST(list.allows(ipv6_peer("::ffff:192.0.2.9")));
    BOOST_TEST(!list.allows(ipv4_peer("198.51.100.1")));
    BOOST_TEST(!list.allows(ipv6_peer("2001:db8::1")));
    BOOST_TEST(list.allows(UnixPeer{1, 2, 3}));
    const AllowList nobody = allow({});
    BOOST_TEST(!nobody.allows(ipv4_peer("127.0.0.1")));
    BOOST_TEST(nobody.allows(UnixPeer{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(a_wrong_entry_is_an_error_that_names_it) {
    const auto list = AllowList::parse({"127.0.0.0/8", "mx.example.org"});
    BOOST_REQUIRE(!list.ok());
    BOOST_TEST(list.error().what.find("mx.example.org") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_caps_are_reached_and_not_passed) {
    const Access access{allow({"192.0.2.0/24"}), false, {}};
    struct Row {
        const char* peer;
        SessionCounts load;
        std::optional<Refused> expected;
    };
    const std::vector<Row> rows = {
        {"192.0.2.1", {0, 0, 10, 0}, std::nullopt},
        {"192.0.2.1", {9, 9, 10, 0}, std::nullopt},
        {"192.0.2.1", {10, 0, 10, 0}, Refused::max_sessions},
        {"192.0.2.1", {11, 0, 10, 0}, Refused::max_sessions},
        {"192.0.2.1", {5, 2, 10, 3}, std::nullopt},
        {"192.0.2.1", {5, 3, 10, 3}, Refused::max_sessions_per_peer},
        {"192.0.2.1", {10, 3, 10, 3}, Refused::max_sessions},
        {"198.51.100.1", {10, 3, 10, 3}, Refused::not_allowed},
        {"192.0.2.1", {0, 0, 0, 0}, Refused::max_sessions},
    };
    for (const Row& row : rows) {
        BOOST_TEST((refusal(access, Peer(ipv4_peer(row.peer)), row.load) == row.expected));
    }
}

BOOST_AUTO_TEST_CASE(a_proxy_must_be_trusted_and_its_own_connections_are_allowed_with_it) {
    const Access access{allow({"192.0.2.0/24"}), true, allow({"198.51.100.7/32"})};
    const SessionCounts idle{0, 0, 10, 3};
    const Peer proxy(ipv4_peer("198.51.100.7"));
    BOOST_TEST((proxy_refusal(access, proxy, idle) == std::nullopt));
    BOOST_TEST((proxy_refusal(access, Peer(ipv4_peer("192.0.2.1")), idle) == Refused::proxy_untrusted));
    BOOST_TEST((proxy_refusal(access, Peer(UnixPeer{1, 2, 3}), idle) == std::nullopt));
    BOOST_TEST((proxy_refusal(access, proxy, {10, 0, 10, 3}) == Refused::max_sessions));
    // One mail server's cap is not its proxy's.
    BOOST_TEST((proxy_refusal(access, proxy, {5, 9, 10, 3}) == std::nullopt));

    BOOST_TEST((refusal(access, proxy, idle) == Refused::not_allowed));
    Peer checks = proxy;
    checks.of_proxy = true;
    BOOST_TEST((refusal(access, checks, idle) == std::nullopt));
    BOOST_TEST((refusal(access, checks, {10, 0, 10, 3}) == Refused::max_sessions));
}

BOOST_AUTO_TEST_SUITE_END()
