// The policies of the listeners, and who is exempt by them.
#include "workers/session/policy/listener_policy.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <optional>
#include <string>

#include "config/parse.h"
#include "tests/support/folder.h"

using namespace evermilter;
using namespace evermilter::session;

namespace {

config::Config parsed(const std::string& text) {
    auto config = config::parse(text, "t");
    BOOST_REQUIRE_MESSAGE(config.ok(), (config ? "" : config.error().front().text()));
    return std::move(*config);
}

ListenerPolicies policies(const std::string& text) {
    auto made = ListenerPolicies::make(parsed(text));
    BOOST_REQUIRE_MESSAGE(made.ok(), (made ? "" : made.error().what));
    return std::move(*made);
}

std::string block(const std::string& name, const std::string& rest) {
    return "[[listener]]\nname = \"" + name + "\"\naddress = [\"unix:/run/" + name + "\"]\n" + rest;
}

Client client(const std::string& ipv4, std::string_view name = {}) {
    std::array<std::uint8_t, 4> bytes{};
    unsigned at = 0;
    for (const char c : ipv4)
        if (c == '.')
            ++at;
        else
            bytes.at(at) = static_cast<std::uint8_t>(bytes.at(at) * 10 + (c - '0'));
    return {config::mapped(bytes), name};
}

} // namespace

BOOST_AUTO_TEST_SUITE(listener_policy_test)

BOOST_AUTO_TEST_CASE(each_listener_has_its_own_and_others_have_that_of_milter_listen) {
    const ListenerPolicies all =
        policies(block("a", "actions.infected = \"discard\"\nmode = \"observe\"\n") +
                 block("b", "headers.add = \"no\"\n") + "[actions]\ninfected = \"tempfail\"\n");
    BOOST_TEST(all.all().size() == 3U);
    BOOST_TEST((all.of("a").policy.actions.infected == config::Action::discard));
    BOOST_TEST(all.of("a").observe);
    BOOST_TEST((all.of("b").policy.actions.infected == config::Action::tempfail));
    BOOST_TEST((all.of("b").headers.add == config::HeaderMode::no));
    for (const char* other : {"", "c", "A"}) {
        BOOST_TEST(all.of(other).name.empty(), other);
        BOOST_TEST((all.of(other).policy.actions.infected == config::Action::tempfail), other);
        BOOST_TEST(!all.of(other).observe, other);
    }
}

BOOST_AUTO_TEST_CASE(a_client_is_exempt_by_its_address_or_its_name) {
    const ListenerPolicies all =
        policies("[skip]\nnetworks = [\"192.0.2.0/24\", \"mx.example.org\", \".lan.example.org\"]\n");
    const config::SkipLists& skip = all.of("").skip;
    BOOST_TEST((exempt_client(skip, client("192.0.2.255")) == SkipReason::network));
    BOOST_TEST((exempt_client(skip, client("203.0.113.1", "MX.example.org")) == SkipReason::network));
    BOOST_TEST((exempt_client(skip, client("203.0.113.1", "a.lan.example.org")) == SkipReason::network));
    BOOST_TEST((exempt_client(skip, {std::nullopt, "mx.example.org"}) == SkipReason::network));
    for (const Client& other : {client("203.0.113.1"), client("203.0.113.1", "example.org"), Client{}})
        BOOST_TEST(!exempt_client(skip, other).has_value());
}

BOOST_AUTO_TEST_CASE(a_user_counts_before_the_sender_and_nobody_is_no_user) {
    const ListenerPolicies all = policies("[skip]\nusers = [\"alice\"]\nsenders = [\"<>\", \"a@b.example\"]\n" +
                                          block("all", "skip.authenticated = true\nskip.senders = []\n"));
    const config::SkipLists& skip = all.of("").skip;
    BOOST_TEST((exempt_sender(skip, "alice", "<a@b.example>") == SkipReason::user));
    BOOST_TEST((exempt_sender(skip, "bob", "<a@b.example>") == SkipReason::sender));
    BOOST_TEST((exempt_sender(skip, "", "<>") == SkipReason::sender));
    BOOST_TEST(!exempt_sender(skip, "", "<alice>").has_value());
    const config::SkipLists& everybody = all.of("all").skip;
    BOOST_TEST((exempt_sender(everybody, "bob", "<x@y.example>") == SkipReason::user));
    BOOST_TEST(!exempt_sender(everybody, "", "<a@b.example>").has_value());
}

BOOST_AUTO_TEST_CASE(a_list_that_cannot_be_read_is_empty_and_the_others_are_not) {
    const test::Folder folder;
    const std::string bad = (folder / "users").string();
    std::ofstream(bad) << "alice\n/(/\n";
    const ListenerPolicies all = policies("[skip]\nusers = [\"bob\"]\nusers_file = \"" + bad + "\"\nsenders_file = \"" +
                                          (folder / "absent").string() + "\"\nrecipients = [\"abuse@example.org\"]\n");
    const config::SkipLists& skip = all.of("").skip;
    BOOST_TEST(skip.users.matches("bob"));
    BOOST_TEST(!skip.users.matches("alice"));
    BOOST_TEST(skip.senders.empty());
    BOOST_TEST(skip.recipients.matches("<abuse@example.org>"));
}

BOOST_AUTO_TEST_SUITE_END()
