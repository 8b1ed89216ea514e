#include "config/client_set.h"

#include <arpa/inet.h>

#include <rapidcheck.h>
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace evermilter::config;

namespace {

ClientSet set_of(const std::vector<std::string>& texts) {
    ClientSet set;
    for (const std::string& text : texts) {
        auto client = parse_client(text);
        BOOST_REQUIRE_MESSAGE(client.ok(), text);
        set.add(std::move(*client));
    }
    set.seal();
    return set;
}

ClientSet::Address address(const char* text) {
    std::array<std::uint8_t, 4> ipv4{};
    if (::inet_pton(AF_INET, text, ipv4.data()) == 1) return mapped(ipv4);
    ClientSet::Address bytes{};
    BOOST_REQUIRE(::inet_pton(AF_INET6, text, bytes.data()) == 1);
    return bytes;
}

} // namespace

BOOST_AUTO_TEST_SUITE(client_set_test)

BOOST_AUTO_TEST_CASE(a_network_has_its_addresses_and_no_others) {
    const ClientSet set = set_of({"192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "192.0.2.128/25", "10.0.0.0/8"});
    for (const char* in : {"192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8::1", "2001:db8:ffff::", "10.255.0.1"})
        BOOST_TEST(set.has_address(address(in)), in);
    for (const char* out : {"192.0.1.255", "192.0.3.0", "198.51.100.6", "198.51.100.8",
                            "2001:db9::", "2001:db7::", "11.0.0.0", "9.255.255.255", "::c000:200"})
        BOOST_TEST(!set.has_address(address(out)), out);
    BOOST_TEST(set_of({"0.0.0.0/0"}).has_address(address("255.255.255.255")));
    BOOST_TEST(!set_of({"0.0.0.0/0"}).has_address(address("2001:db8::")));
    const ClientSet inet6 = set_of({"::/0"});
    for (const char* in : {"::", "::1", "::fffe:ffff:ffff", "::1:0:0:0", "2001:db8::1", "ffff::"})
        BOOST_TEST(inet6.has_address(address(in)), in);
    for (const char* out : {"0.0.0.0", "127.0.0.1", "::ffff:192.0.2.7", "255.255.255.255"})
        BOOST_TEST(!inet6.has_address(address(out)), out);
    BOOST_TEST(!set_of({"mail.example.org"}).has_address(address("192.0.2.1")));
}

BOOST_AUTO_TEST_CASE(each_network_ends_where_its_prefix_says) {
    struct Row {
        const char* network;
        const char* address;
        bool inside;
    };
    const Row rows[] = {
        {"127.0.0.0/8", "127.255.255.255", true},
        {"127.0.0.0/8", "128.0.0.0", false},
        {"127.0.0.0/8", "126.255.255.255", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"10.32.0.0/11", "10.63.255.255", true},
        {"10.32.0.0/11", "10.64.0.0", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.2", false},
        {"0.0.0.0/0", "::1", false},
        {"::1/128", "::1", true},
        {"::1/128", "::2", false},
        {"2001:db8:0:8000::/49", "2001:db8:0:8000::1", true},
        {"2001:db8:0:8000::/49", "2001:db8:0:7fff::1", false},
        // Mapped addresses are the IPv4 addresses in them.
        {"192.0.2.0/24", "::ffff:192.0.2.7", true},
        {"192.0.2.0/24", "::ffff:192.0.3.7", false},
        {"::ffff:192.0.2.0/120", "192.0.2.9", true},
        {"::ffff:192.0.2.0/120", "192.0.3.9", false},
        {"::ffff:0:0/96", "198.51.100.1", true},
    };
    for (const Row& row : rows)
        BOOST_TEST(set_of({row.network}).has_address(address(row.address)) == row.inside,
                   row.network << " and " << row.address);
}

BOOST_AUTO_TEST_CASE(an_address_alone_is_a_network_of_one_and_no_slip_passes) {
    BOOST_TEST(set_of({"::1"}).has_address(address("::1")));
    for (const char* text : {"/", "/8", "192.0.2/24", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/ 8", "192.0.2.0/8x",
                             "192.0.2.0/0x8", "::1/128/1", "192.0.2.256", "1.2.3.4.5"}) {
        const auto network = parse_network(text);
        BOOST_REQUIRE_MESSAGE(!network.ok(), text);
        BOOST_TEST(network.error().reason.find('"' + std::string(text) + '"') != std::string::npos, text);
    }
}

BOOST_AUTO_TEST_CASE(whatever_networks_there_are_an_address_is_in_one_of_them_or_in_none) {
    BOOST_TEST(rc::check([] {
        const auto numbers = *rc::gen::container<std::vector<std::pair<std::uint8_t, unsigned>>>(
            rc::gen::pair(rc::gen::arbitrary<std::uint8_t>(), rc::gen::inRange(24U, 33U)));
        ClientSet set;
        std::vector<bool> expected(256, false);
        for (const auto& [last, prefix] : numbers) {
            const unsigned size = 1U << (32 - prefix);
            const unsigned first = last & ~(size - 1);
            Network network;
            network.bytes = {192, 0, 2, static_cast<std::uint8_t>(first)};
            network.prefix = prefix;
            set.add(network);
            for (unsigned at = first; at < first + size; ++at) expected[at] = true;
        }
        set.seal();
        for (unsigned at = 0; at < 256; ++at)
            RC_ASSERT(set.has_address(mapped({192, 0, 2, static_cast<std::uint8_t>(at)})) == expected[at]);
    }));
}

BOOST_AUTO_TEST_CASE(a_name_has_itself_or_what_is_below_it) {
    const ClientSet set = set_of({"mail.example.org", ".example.net"});
    for (const char* in :
         {"mail.example.org", "MAIL.Example.Org", "mail.example.org.", "a.example.net", "a.b.example.net"})
        BOOST_TEST(set.has_name(in), in);
    for (const char* out : {"example.org", "x.mail.example.org", "example.net", "badexample.net", "", ".", "unknown",
                            "mail.example.org.evil.example"})
        BOOST_TEST(!set.has_name(out), out);
    BOOST_TEST(!set.has_name(std::string(300, 'a') + ".example.net"));
}

BOOST_AUTO_TEST_CASE(a_bad_client_is_refused_with_the_remedy) {
    const struct {
        const char* text;
        const char* said;
    } rows[] = {
        {"192.0.2.1/24", "write 192.0.2.0/24"},
        {"192.0.2", "write a network as 192.0.2.0/24"},
        {"192.0.2.0/33", "from 0 to 32"},
        {"2001:db8::/129", "from 0 to 128"},
        {"mail example", "is neither a network nor a host name"},
        {"*.example.org", "\".example.org\" for the names below a domain"},
        {"..", "write a network"},
        {".", "write a network"},
        {"", "write a network"},
        {"a..b", "is neither a network nor a host name"},
    };
    for (const auto& row : rows) {
        const auto client = parse_client(row.text);
        BOOST_TEST_REQUIRE(!client.ok(), row.text);
        BOOST_TEST(client.error().reason.find(row.said) != std::string::npos, client.error().reason);
    }
}

BOOST_AUTO_TEST_SUITE_END()
