// The forms of an address, which socket each means, and what is no address.
#include "config/address.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

#include "config/network.h"

namespace data = boost::unit_test::data;
namespace config = evermilter::config;

namespace {

struct Form {
    const char* text;
    const char* canonical; // nullptr: no address
    bool wildcard;
};
std::ostream& operator<<(std::ostream& out, const Form& form) {
    return out << form.text;
}

const Form kForms[] = {
    {"unix:/run/a.sock", "unix:/run/a.sock", false},
    {"local:/run/a.sock", "unix:/run/a.sock", false},
    {"/run/a.sock", "unix:/run/a.sock", false},
    {"inet:8891@127.0.0.1", "inet:8891@127.0.0.1", false},
    {"inet:0@localhost", "inet:0@localhost", false},
    {"inet6:8891@::1", "inet6:8891@::1", false},
    {"inet6:8891@[::1]", "inet6:8891@::1", false},
    {"inet6:8891@fe80::1%eth0", "inet6:8891@fe80::1%eth0", false},
    {"inet:8891", "inet:8891", true},
    {"inet6:8891", "inet6:8891", true},
    {"inet:8891@*", "inet:8891@*", true},
    {"inet:8891@0.0.0.0", "inet:8891@0.0.0.0", true},
    {"inet:8891@0", "inet:8891@0", true},
    {"inet:8891@0x0.0", "inet:8891@0x0.0", true},
    {"inet6:8891@::", "inet6:8891@::", true},
    {"inet6:8891@0:0:0:0:0:0:0:0", "inet6:8891@0:0:0:0:0:0:0:0", true},
    {"inet6:8891@::ffff:0.0.0.0", "inet6:8891@::ffff:0.0.0.0", true},
    {"inet6:8891@::%lo", "inet6:8891@::%lo", true},
    {"inet6:8891@::ffff:127.0.0.1", "inet6:8891@::ffff:127.0.0.1", false},
    {"", nullptr, false},
    {"unix:", nullptr, false},
    {"unix:run/a", nullptr, false},
    {"/", nullptr, false},
    {"/run/", nullptr, false},
    {"inet:", nullptr, false},
    {"inet:@localhost", nullptr, false},
    {"inet:x@localhost", nullptr, false},
    {"inet:65536@localhost", nullptr, false},
    {"inet:-1@localhost", nullptr, false},
    {"inet:80 @localhost", nullptr, false},
    {"inet:80@", nullptr, false},
    {"inet:80@::1", nullptr, false},
    {"inet:80@a b", nullptr, false},
    {"inet:80@a@b", nullptr, false},
    {"tcp:80@localhost", nullptr, false},
    {"localhost:80", nullptr, false},
};

} // namespace

BOOST_AUTO_TEST_SUITE(address)

BOOST_DATA_TEST_CASE(each_form_means_one_socket_or_is_refused, data::make(kForms), form) {
    const auto parsed = config::parse_address(form.text);
    BOOST_TEST_REQUIRE(parsed.ok() == (form.canonical != nullptr));
    if (!parsed) {
        BOOST_TEST(!parsed.error().reason.empty());
        return;
    }
    BOOST_TEST(config::address_text(*parsed) == form.canonical);
    BOOST_TEST(config::is_wildcard(*parsed) == form.wildcard);
    const auto again = config::parse_address(config::address_text(*parsed));
    BOOST_TEST((again && *again == *parsed));
}

BOOST_AUTO_TEST_CASE(a_path_that_the_kernel_would_cut_is_refused) {
    const std::string longest = "/" + std::string(106, 'a');
    BOOST_TEST(config::parse_address(longest).ok());
    BOOST_TEST(!config::parse_address(longest + "a").ok());
}

BOOST_AUTO_TEST_CASE(a_network_is_an_address_and_a_prefix_without_bits_beyond_it) {
    const auto network = [](const char* text) { return config::parse_network(text); };
    const auto reason = [&](const char* text) {
        const auto parsed = network(text);
        return parsed ? std::string() : parsed.error().reason;
    };
    const auto parsed = network("192.0.2.128/25");
    BOOST_TEST_REQUIRE(parsed.ok());
    const config::Network& v4 = *parsed;
    BOOST_TEST((v4.family == config::InetAddress::Family::inet && v4.prefix == 25 && v4.bytes[3] == 128));
    BOOST_TEST(network("192.0.2.1")->prefix == 32U);
    BOOST_TEST(network("2001:db8::/33")->prefix == 33U);
    BOOST_TEST(network("0.0.0.0/0")->prefix == 0U);
    BOOST_TEST(network("::1")->prefix == 128U);
    BOOST_TEST(reason("192.0.2.1/24").find("write 192.0.2.0/24") != std::string::npos);
    BOOST_TEST(reason("2001:db8:ffff::/33").find("write 2001:db8:8000::/33") != std::string::npos);
    for (const char* text : {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/2x", "192.0.2/24",
                             "::/129", "::1/128/1", "localhost", "[::1]/128"})
        BOOST_TEST(!reason(text).empty(), text);
}

BOOST_AUTO_TEST_SUITE_END()
