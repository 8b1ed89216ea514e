// [[policy]] and [[senders]]: what a block may say.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "config/parse.h"
#include "tests/unit/config/faults.h"

using namespace evermilter::config;
using evermilter::test::check_refused;
using evermilter::test::faults;
using namespace std::chrono_literals;

namespace {

const std::string kBlock = "[[policy]]\nname = \"quota\"\nservers = [\"unix:/run/dovecot/quota-status\"]\n";

} // namespace

BOOST_AUTO_TEST_SUITE(policy_test)

BOOST_AUTO_TEST_CASE(a_block_has_its_defaults) {
    const auto parsed = parse(kBlock +
                                  "[[policy]]\nname = \"greylist\"\nservers = [\"inet:10023@127.0.0.1\"]\n"
                                  "timeout = \"1s\"\non_error = \"tempfail\"\ncache_by = \"recipient\"\n",
                              "t");
    BOOST_TEST_REQUIRE(parsed.ok());
    BOOST_TEST_REQUIRE(parsed->policies.size() == 2U);
    const PolicyCheck& quota = parsed->policies[0];
    BOOST_TEST((quota.timeout == 2s && quota.on_error == Action::accept && quota.cache == 0s));
    BOOST_TEST((quota.cache_by == CacheBy::question && quota.connections == 4U && quota.failures == 5U));
    const PolicyCheck& greylist = parsed->policies[1];
    BOOST_TEST((greylist.timeout == 1s && greylist.on_error == Action::tempfail));
    BOOST_TEST((greylist.cache_by == CacheBy::recipient));
}

BOOST_AUTO_TEST_CASE(policies_of_different_listeners_are_not_waited_for_together) {
    const std::string listener = "[[listener]]\nname = \"l\"\naddress = [\"unix:/z\"]\n";
    BOOST_TEST(faults(listener + kBlock + "listeners = [\"milter\"]\ntimeout = \"6s\"\n" +
                      "[[policy]]\nname = \"b\"\nservers = [\"unix:/y\"]\nlisteners = [\"l\"]\ntimeout = \"6s\"\n")
                   .empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_at_its_place) {
    check_refused({
        {"[[policy]]\nname = \"quota\"\n", "t:2:", "names no server"},
        {"[[policy]]\nservers = [\"unix:/x\"]\n", "t:1:", "name"},
        {kBlock + kBlock, "t:5:", "quota"},
        {kBlock + "timeout = \"9s\"\n", "t:4:", "out of range"},
        {kBlock + "timeout = \"0s\"\n", "t:4:", "out of range"},
        {kBlock + "on_error = \"reject\"\n", "t:4:", "accept"},
        {kBlock + "connections = 0\n", "t:4:", "out of range"},
        {kBlock + "failures = 0\n", "t:4:", "out of range"},
        {kBlock + "cache_by = \"sender\"\n", "t:4:", "question"},
        {kBlock + "listeners = [\"inbound\"]\n", "t:4:", "is the name of no [[listener]]"},
        {kBlock + "server = [\"unix:/x\"]\n", "t:4:", "servers"},
        {"[[policy]]\nname = \"a\"\nservers = [\"inet:1@policy.example.org\"]\n", "t:3:", "no numeric address"},
        {"[[policy]]\nname = \"a\"\nservers = [\"inet6:1@127.0.0.1\"]\n", "t:3:", "no numeric address"},
        {"[[policy]]\nname = \"a\"\nservers = [\"inet:1\"]\n", "t:3:", ""},
        {"[[policy]]\nname = \"a\"\nservers = [\"127.0.0.1:12340\"]\n", "t:3:", ""},
        {kBlock + "[[listener]]\nname = \"milter\"\naddress = [\"unix:/y\"]\n", "t:", "milter.listen; choose another"},
        {kBlock + "timeout = \"6s\"\n[[policy]]\nname = \"b\"\nservers = [\"unix:/y\"]\ntimeout = \"4s\"\n",
         "t:4:", "of milter.listen together (10s) must be below 10s"},
        {"[milter]\nlisten = []\n[[listener]]\nname = \"l\"\naddress = [\"unix:/z\"]\n" + kBlock +
             "timeout = \"6s\"\n" +
             "[[policy]]\nname = \"b\"\nservers = [\"unix:/y\"]\nlisteners = [\"l\"]\ntimeout = \"4s\"\n",
         "t:", "of listener l together (10s)"},
        {kBlock + "timeout = \"3s\"\n[timeouts]\nrcpt = \"3s\"\n", "t:4:", "must be below 3s"},
    });
}

BOOST_AUTO_TEST_CASE(a_list_of_senders_that_cannot_be_is_refused_at_its_place) {
    const std::string block = "[[senders]]\nname = \"s\"\nfile = \"/etc/x\"\n";
    BOOST_TEST(faults(block).empty());
    check_refused({
        {"[[senders]]\nname = \"s\"\n", "t:2:", "names no file"},
        {"[[senders]]\nfile = \"/etc/x\"\n", "t:1:", "name"},
        {"[[senders]]\nname = \"s\"\nfile = \"x\"\n", "t:3:", "absolute"},
        {block + "match = [\"header\"]\n", "t:4:", "is not \"envelope\" or \"from\""},
        {block + "match = []\n", "t:4:", "names nothing"},
        {block + "action = \"refuse\"\n", "t:4:", "reject"},
        {block + "text = \"250 2.0.0 fine\"\n", "t:4:", ""},
        {block + "header = \"no field\"\n", "t:4:", ""},
        {block + "listeners = [\"x\"]\n", "t:4:", "is the name of no [[listener]]"},
        {block + block, "t:5:", ""},
    });
}

BOOST_AUTO_TEST_SUITE_END()
