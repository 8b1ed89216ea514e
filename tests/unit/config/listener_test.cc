// [[listener]]: what a block may say, and what the blocks and [milter] may not say together.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "config/parse.h"
#include "tests/unit/config/faults.h"

using namespace evermilter::config;
using evermilter::test::faults;

namespace {

const std::string kBlock = "[[listener]]\nname = \"submission\"\naddress = [\"inet:7358@127.0.0.1\"]\n";

} // namespace

BOOST_AUTO_TEST_SUITE(listener_test)

BOOST_AUTO_TEST_CASE(its_policy_is_that_of_all_but_for_what_it_says) {
    const auto parsed = parse(kBlock +
                                  "mode = \"observe\"\nactions.infected = \"discard\"\nheaders.add = \"no\"\n"
                                  "skip.authenticated = true\n[actions]\noversize = \"reject\"\n",
                              "t");
    BOOST_TEST_REQUIRE(parsed.ok());
    BOOST_TEST_REQUIRE(parsed->listeners.size() == 1U);
    const Listener& one = parsed->listeners[0];
    BOOST_TEST((one.mode == Mode::observe && parsed->milter.mode == Mode::enforce));
    BOOST_TEST((one.actions.infected == Action::discard && parsed->actions.infected == Action::reject));
    BOOST_TEST((one.actions.oversize == Action::reject && one.headers.add == HeaderMode::no));
    BOOST_TEST((one.skip.authenticated && !parsed->skip.authenticated));
    const auto again = parse(to_toml(*parsed), "t");
    BOOST_TEST_REQUIRE(again.ok());
    BOOST_TEST(to_toml(*again) == to_toml(*parsed));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_with_its_place) {
    const struct {
        std::string text;
        const char* said;
    } rows[] = {
        {"[[listener]]\nname = \"a\"\n", "t:2:8: listener[a].name: has no address; write one"},
        {"[[listener]]\naddress = [\"inet:1@127.0.0.1\"]\n", "listener[1].name: is missing"},
        {"[milter]\nlisten = []\n", "t:2:10: milter.listen: is empty, and there is no [[listener]]"},
        {kBlock + "[milter]\nlisten = [\"inet:7358@127.0.0.1\"]\n",
         "t:3:11: listener[submission].address: \"inet:7358@127.0.0.1\" and \"inet:7358@127.0.0.1\" of milter.listen "
         "are"},
        {kBlock + "[[listener]]\nname = \"b\"\naddress = [\"inet:7358@localhost\"]\n", "are the same socket"},
        {"[[listener]]\nname = \"a\"\naddress = [\"inet:7358@0.0.0.0\"]\n", "set its allow to the networks"},
        {kBlock + "actions.infected = \"forgive\"\n", "t:4:20: listener[submission].actions.infected: \"forgive\""},
        {kBlock + "actions.reject_text = \"250 2.0.0 ok\"\n",
         "listener[submission].actions.reject_text: has a reply code"},
        {kBlock + "timeouts.eom = \"1m\"\n", "t:4:1: listener[submission].timeouts: unknown key"},
        {kBlock + "colour = 3\n", "t:4:1: listener[submission].colour: unknown key"},
        {kBlock + "allow = [\"10.0.0.1/8\"]\n", "t:4:10: listener[submission].allow: \"10.0.0.1/8\": has bits beyond"},
    };
    for (const auto& row : rows) {
        const auto said = faults(row.text);
        BOOST_TEST_REQUIRE(said.size() == 1U, row.text);
        BOOST_TEST(said[0].find(row.said) != std::string::npos, said[0]);
    }
    BOOST_TEST(faults("[milter]\nlisten = []\n" + kBlock).empty());
    BOOST_TEST(
        faults("[[listener]]\nname = \"a\"\nallow = [\"192.0.2.0/24\"]\naddress = [\"inet:7358@0.0.0.0\"]\n").empty());
}

BOOST_AUTO_TEST_SUITE_END()
