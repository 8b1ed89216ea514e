// Networks in CIDR notation.
#include "supervisor/front/cidr.h"

#include <arpa/inet.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using evermilter::supervisor::Cidr;

namespace {

bool contains(const Cidr& network, const std::string& address) {
    in_addr v4{};
    in6_addr v6{};
    if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return network.contains(v4);
    BOOST_REQUIRE(::inet_pton(AF_INET6, address.c_str(), &v6) == 1);
    return network.contains(v6);
}

} // namespace

BOOST_AUTO_TEST_SUITE(cidr)

BOOST_AUTO_TEST_CASE(a_network_holds_its_addresses_and_no_others) {
    struct Row {
        const char* network;
        const char* address;
        bool inside;
    };
    const std::vector<Row> rows = {
        {"127.0.0.0/8", "127.255.255.255", true},
        {"127.0.0.0/8", "128.0.0.0", false},
        {"127.0.0.0/8", "126.255.255.255", false},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"10.32.0.0/11", "10.63.255.255", true},
        {"10.32.0.0/11", "10.64.0.0", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "127.0.0.1", false},
        {"::1/128", "::1", true},
        {"::1/128", "::2", false},
        {"::1", "::1", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8:0:8000::/49", "2001:db8:0:8000::1", true},
        {"2001:db8:0:8000::/49", "2001:db8:0:7fff::1", false},
        // Mapped addresses are the IPv4 addresses in them.
        {"192.0.2.0/24", "::ffff:192.0.2.7", true},
        {"192.0.2.0/24", "::ffff:192.0.3.7", false},
        {"::/0", "::ffff:192.0.2.7", false},
        {"::ffff:192.0.2.0/120", "192.0.2.9", true},
        {"::ffff:192.0.2.0/120", "::ffff:192.0.2.9", true},
        {"::ffff:192.0.2.0/120", "192.0.3.9", false},
        {"::ffff:0:0/96", "198.51.100.1", true},
    };
    for (const Row& row : rows) {
        const auto network = Cidr::parse(row.network);
        BOOST_REQUIRE_MESSAGE(network.ok(), row.network);
        BOOST_TEST(contains(*network, row.address) == row.inside, row.network << " and " << row.address);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_network_is_refused_by_name) {
    for (const char* text :
         {"", "/", "/8", "localhost", "192.0.2/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/ 8",
          "192.0.2.0/8x", "192.0.2.0/0x8", "2001:db8::/129", "::1/128/1", "192.0.2.256", "1.2.3.4.5"}) {
        const auto network = Cidr::parse(text);
        BOOST_REQUIRE_MESSAGE(!network.ok(), text);
        BOOST_TEST(network.error().what.find('"' + std::string(text) + '"') != std::string::npos, text);
    }
}

BOOST_AUTO_TEST_CASE(bits_behind_the_prefix_are_refused_with_the_network_that_was_meant) {
    const auto v4 = Cidr::parse("192.0.2.1/24");
    BOOST_REQUIRE(!v4.ok());
    BOOST_TEST(v4.error().what.find("192.0.2.0/24") != std::string::npos, v4.error().what);
    const auto v6 = Cidr::parse("2001:db8::1/32");
    BOOST_REQUIRE(!v6.ok());
    BOOST_TEST(v6.error().what.find("2001:db8::/32") != std::string::npos, v6.error().what);
}

BOOST_AUTO_TEST_SUITE_END()
