// A policy server over a real socket: what is kept open, what is tried again, and how long anybody waits.
#include "workers/session/policy/server/policy_server.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/support/fake_policy_server.h"
#include "tests/support/waiting.h"

using namespace evermilter;
using namespace evermilter::session;
using evermilter::test::FakePolicyServer;
using evermilter::test::PolicyAttributes;
using namespace std::chrono_literals;

namespace {

config::PolicyCheck policy(const std::vector<std::string>& servers) {
    config::PolicyCheck policy;
    policy.name = "quota";
    policy.servers = servers;
    policy.timeout = 60s;
    policy.connections = 2;
    policy.failures = 1000;
    policy.retry_after = 1h;
    return policy;
}

std::unique_ptr<PolicyServer> client(const config::PolicyCheck& policy) {
    return std::make_unique<PolicyServer>(policy, *PolicyServer::addresses_of(policy));
}

PolicyQuestion to(std::string_view recipient) {
    PolicyQuestion question;
    question.recipient = recipient;
    return question;
}

std::string dunno(const PolicyAttributes&) {
    return "action=DUNNO\n\n";
}
std::optional<std::string> silence(const PolicyAttributes&) {
    return std::nullopt;
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy_server)

BOOST_AUTO_TEST_CASE(one_connection_serves_question_after_question) {
    FakePolicyServer server([](const PolicyAttributes& asked) {
        return asked.at("recipient") == "full@example.org" ? "action=552 5.2.2 full\n\n" : "action=DUNNO\n\n";
    });
    const auto quota = client(policy({server.address()}));
    for (int i = 0; i < 5; ++i) {
        BOOST_TEST((quota->ask(to("<a@example.org>"))->answer.kind == PolicyAnswer::Kind::go_on));
        BOOST_TEST((quota->ask(to("<full@example.org>"))->answer.reply == Reply{"552", "5.2.2", "full"}));
    }
    BOOST_TEST(server.connections() == 1U);
    BOOST_TEST(server.questions().size() == 10U);
}

BOOST_AUTO_TEST_CASE(a_connection_that_the_server_has_closed_is_no_failure) {
    FakePolicyServer server(dunno);
    config::PolicyCheck once = policy({server.address()});
    once.failures = 1;
    const auto quota = client(once);
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(quota->ask(to("a")).ok());
        server.hang_up();
    }
    BOOST_TEST(server.connections() == 3U);
}

BOOST_AUTO_TEST_CASE(a_question_is_asked_again_where_the_server_hangs_up_at_an_old_connection_only) {
    FakePolicyServer* hanging_up = nullptr;
    std::atomic<int> asked{0};
    // It answers the first question and each third one after it, and hangs up at the others.
    FakePolicyServer server([&](const PolicyAttributes& attributes) {
        const int number = asked++;
        if (number % 3 == 0) return dunno(attributes);
        hanging_up->hang_up();
        return std::string();
    });
    hanging_up = &server;
    const auto quota = client(policy({server.address()}));
    BOOST_TEST(quota->ask(to("a")).ok());
    BOOST_TEST(!quota->ask(to("a")).ok()); // at the old connection and at a new one
    BOOST_TEST(server.questions().size() == 3U);
    BOOST_TEST(server.connections() == 2U);
    BOOST_TEST(quota->ask(to("a")).ok());
}

BOOST_AUTO_TEST_CASE(the_next_address_is_asked_where_none_listens_and_remembered) {
    FakePolicyServer server(dunno);
    const auto quota = client(policy({"unix:/nowhere/policy", "inet:1@127.0.0.1", server.address()}));
    for (int i = 0; i < 3; ++i) BOOST_TEST(quota->ask(to("a")).ok());
    BOOST_TEST(server.questions().size() == 3U);
}

BOOST_AUTO_TEST_CASE(garbage_and_too_much_are_failures_and_cost_the_connection) {
    for (const std::string& garbage :
         {std::string("hello\n\n"), std::string("action=HOLD\n\n"), std::string("action=OK\n\naction=OK\n\n"),
          std::string("action=OK\n\nrest"), std::string(100'000, 'x'), std::string("action=OK\n")}) {
        FakePolicyServer server([&](const PolicyAttributes&) { return garbage; });
        config::PolicyCheck quick = policy({server.address()});
        if (garbage == "action=OK\n") quick.timeout = 100ms; // it never ends
        const auto quota = client(quick);
        for (int i = 0; i < 2; ++i) {
            const auto answer = quota->ask(to("a"));
            BOOST_TEST(!answer.ok());
            if (!answer) BOOST_TEST(answer.error().asked);
        }
        BOOST_TEST(server.connections() == 2U);
    }
}

BOOST_AUTO_TEST_CASE(a_silent_server_costs_its_timeout_and_then_nothing) {
    FakePolicyServer server(silence);
    config::PolicyCheck quick = policy({server.address()});
    quick.timeout = 50ms;
    quick.failures = 2;
    const auto quota = client(quick);
    for (int i = 0; i < 2; ++i) {
        const auto answer = quota->ask(to("a"));
        BOOST_TEST_REQUIRE(!answer.ok());
        BOOST_TEST(answer.error().asked);
    }
    for (int i = 0; i < 100; ++i) {
        const auto answer = quota->ask(to("a"));
        BOOST_TEST_REQUIRE(!answer.ok());
        BOOST_TEST(!answer.error().asked);
    }
    BOOST_TEST(server.questions().size() == 2U);
}

BOOST_AUTO_TEST_CASE(one_question_tries_a_suspended_server_and_all_are_asked_again) {
    std::atomic<bool> well = false;
    FakePolicyServer server([&](const PolicyAttributes&) { return well ? "action=DUNNO\n\n" : "no\n\n"; });
    config::PolicyCheck quick = policy({server.address()});
    quick.failures = 1;
    quick.retry_after = 100ms;
    const auto quota = client(quick);
    BOOST_TEST(!quota->ask(to("a")).ok());
    well = true;
    evermilter::test::wait_until("it is tried again", [&] { return quota->ask(to("a")).ok(); });
    for (int i = 0; i < 5; ++i) BOOST_TEST(quota->ask(to("a")).ok());
}

// Many wait for the two connections of a server that says nothing: when it is suspended, none waits any longer.
BOOST_AUTO_TEST_CASE(those_that_wait_for_a_connection_go_on_when_the_server_is_suspended) {
    FakePolicyServer server(silence);
    config::PolicyCheck patient = policy({server.address()});
    patient.failures = 1;
    const auto quota = client(patient);
    std::vector<std::thread> sessions;
    std::atomic<int> asked = 0;
    std::atomic<int> not_asked = 0;
    sessions.reserve(50);
    for (int i = 0; i < 50; ++i)
        sessions.emplace_back([&] { ++(quota->ask(to("a")).error().asked ? asked : not_asked); });
    evermilter::test::wait_until("two are asked", [&] { return server.questions().size() == 2; });
    server.hang_up();
    for (std::thread& session : sessions) session.join();
    BOOST_TEST(asked + not_asked == 50);
    BOOST_TEST(asked >= 1);
    BOOST_TEST(not_asked >= 40);
}

BOOST_AUTO_TEST_CASE(no_more_connections_than_allowed_serve_all) {
    FakePolicyServer server(dunno);
    const auto quota = client(policy({server.address()}));
    std::vector<std::thread> sessions;
    std::atomic<int> answered = 0;
    sessions.reserve(20);
    for (int i = 0; i < 20; ++i)
        sessions.emplace_back([&] {
            for (int again = 0; again < 50; ++again) answered += quota->ask(to("a")).ok() ? 1 : 0;
        });
    for (std::thread& session : sessions) session.join();
    BOOST_TEST(answered == 1000);
    BOOST_TEST(server.connections() <= 2U);
}

BOOST_AUTO_TEST_CASE(answers_are_used_again_by_question_or_by_recipient) {
    FakePolicyServer server(dunno);
    config::PolicyCheck kept = policy({server.address()});
    kept.cache = 1h;
    const auto by_question = client(kept);
    kept.cache_by = config::CacheBy::recipient;
    const auto by_recipient = client(kept);
    for (const char* sender : {"<a@example.org>", "<b@example.org>"}) {
        for (const char* instance : {"1", "2"}) {
            PolicyQuestion question = to("<r@example.org>");
            question.sender = sender;
            question.instance = instance;
            question.queue_id = instance;
            BOOST_TEST(by_question->ask(question).ok());
            BOOST_TEST(by_recipient->ask(question).ok());
        }
    }
    BOOST_TEST(server.questions().size() == 2U + 1U);
}

BOOST_AUTO_TEST_CASE(a_failure_is_not_kept) {
    FakePolicyServer server([](const PolicyAttributes&) { return "no\n\n"; });
    config::PolicyCheck kept = policy({server.address()});
    kept.cache = 1h;
    const auto quota = client(kept);
    for (int i = 0; i < 3; ++i) BOOST_TEST(!quota->ask(to("a")).ok());
    BOOST_TEST(server.questions().size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
