// Which recipient passes: the first server that does not let it decides, and one that fails refuses nobody for good.
#include "workers/session/policy/recipient_check.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/fake_policy_server.h"

using namespace evermilter;
using namespace evermilter::session;
using evermilter::test::FakePolicyServer;
using evermilter::test::PolicyAttributes;
using namespace std::chrono_literals;

namespace {

struct Checked {
    CounterBoard<kSessionWorker> counters;
    config::Config config;

    void add(const std::string& name, const std::string& address, config::Action on_error = config::Action::accept,
             const std::vector<std::string>& listeners = {}) {
        config::PolicyCheck policy;
        policy.name = name;
        policy.servers = {address};
        policy.timeout = 60s;
        policy.connections = 1;
        policy.failures = 1;
        policy.retry_after = 1h;
        policy.on_error = on_error;
        policy.listeners = listeners;
        config.policies.push_back(policy);
    }
    // "POLICY CODE", or "passes".
    std::string answer(const PolicyServers& servers) {
        PolicyQuestion question;
        question.recipient = "<a@b>";
        const RecipientAnswer answer = check_recipient(servers, question, counters);
        return answer.reply ? answer.policy + " " + answer.reply->code : "passes";
    }
    std::string answer(std::string_view listener = {}) {
        const auto all = make_policy_servers(config);
        BOOST_REQUIRE(all.ok());
        return answer(servers_of(*all, listener));
    }
    [[nodiscard]] std::uint64_t counted(PolicyEnd end) const { return counters.get("policies.answers", end); }
};

FakePolicyServer::Answer always(const std::string& action) {
    return [action](const PolicyAttributes&) { return "action=" + action + "\n\n"; };
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(recipient_check, Checked)

BOOST_AUTO_TEST_CASE(without_a_policy_everybody_passes) {
    BOOST_TEST(answer() == "passes");
}

BOOST_AUTO_TEST_CASE(the_first_that_does_not_let_it_pass_decides_and_no_other_is_asked) {
    FakePolicyServer passes(always("OK"));
    FakePolicyServer refuses(always("552 5.2.2 full"));
    FakePolicyServer defers(always("DEFER"));
    add("one", passes.address());
    add("two", refuses.address());
    add("three", defers.address());
    BOOST_TEST(answer() == "two 552");
    BOOST_TEST(passes.questions().size() == 1U);
    BOOST_TEST(defers.questions().empty());
    BOOST_TEST(counted(PolicyEnd::go_on) == 1U);
    BOOST_TEST(counted(PolicyEnd::refused) == 1U);
    BOOST_TEST(counted(PolicyEnd::deferred) == 0U);
}

BOOST_AUTO_TEST_CASE(a_server_that_fails_lets_pass_or_defers_but_never_refuses) {
    FakePolicyServer broken(always("HOLD"));
    add("broken", broken.address());
    BOOST_TEST(answer() == "passes");
    config.policies.clear();
    add("broken", broken.address(), config::Action::tempfail);
    const auto all = make_policy_servers(config);
    BOOST_REQUIRE(all.ok());
    for (int i = 0; i < 3; ++i) BOOST_TEST(answer(*all) == "broken 451");
    BOOST_TEST(counted(PolicyEnd::failed) == 2U);
    BOOST_TEST(counted(PolicyEnd::suspended) == 2U);
}

BOOST_AUTO_TEST_CASE(after_one_that_fails_the_others_are_asked) {
    FakePolicyServer refuses(always("REJECT"));
    add("absent", "unix:/nowhere/policy");
    add("refuses", refuses.address());
    BOOST_TEST(answer() == "refuses 554");
}

BOOST_AUTO_TEST_CASE(a_listener_asks_its_own) {
    FakePolicyServer refuses(always("REJECT"));
    add("of_submission", refuses.address(), config::Action::accept, {"submission"});
    BOOST_TEST(answer("submission") == "of_submission 554");
    BOOST_TEST(answer("inbound") == "passes");
    BOOST_TEST(answer() == "passes");
    config.policies[0].listeners = {"milter"};
    BOOST_TEST(answer() == "of_submission 554");
    BOOST_TEST(answer("submission") == "passes");
}

BOOST_AUTO_TEST_SUITE_END()
