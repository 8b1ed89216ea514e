// [[policy]] with real session workers: one recipient is refused and no other, a server that is down, slow or talks
// nonsense refuses nobody for good, and nobody else waits for it.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/fake_policy_server.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

constexpr const char* kFull = "552 5.2.2 Mailbox is full";

std::string block(const FakePolicyServer& server, const std::string& more = {}) {
    return R"([{name = "quota", servers = )" + server.servers() + more + "}]";
}

std::optional<std::string> full_or_not(const PolicyAttributes& asked) {
    return asked.at("recipient").starts_with("full") ? "action=" + std::string(kFull) + "\n\n" : "action=DUNNO\n\n";
}
std::optional<std::string> silence(const PolicyAttributes&) {
    return std::nullopt;
}

std::uint64_t answers(const Service& service, const char* end) {
    return service.status().at("policies").at("answers").at(end);
}

// A session in which MAIL was accepted.
MilterClient at_rcpt(const Service& service, const Envelope& envelope = {}) {
    MilterClient client = service.session();
    client.mail(envelope);
    return client;
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy_test)

BOOST_AUTO_TEST_CASE(the_recipient_whose_mailbox_is_full_is_refused_and_the_message_goes_to_the_others) {
    FakePolicyServer server(full_or_not);
    Service service({{"policy", block(server)}});
    service.start();
    Envelope envelope;
    envelope.sender_arguments = {"BODY=8BITMIME", "SIZE=4711"};
    envelope.user = "robot";
    MilterClient client = at_rcpt(service, envelope);
    BOOST_TEST(client.rcpt("<a@example.org>").command == 'c');
    BOOST_TEST(client.rcpt("<full@example.org>").text() == kFull);
    BOOST_TEST(client.rcpt("<b@example.org>").command == 'c');
    client.data();
    client.content(clean_mail());
    const Verdict verdict = client.end_of_message();
    BOOST_TEST(verdict.status() == "Clean");
    service.wait_log({"recipient-refused", "policy=quota", "reply=552", "recipient=<full@example.org>"});
    // The refused one is none of the message's.
    service.wait_log({"event=message ", "recipients=2", "to=<a@example.org>,<b@example.org>"});

    const auto asked = server.questions();
    BOOST_TEST_REQUIRE(asked.size() == 3U);
    const PolicyAttributes& first = asked[0];
    BOOST_TEST(first.at("request") == "smtpd_access_policy");
    BOOST_TEST(first.at("protocol_state") == "RCPT");
    BOOST_TEST(first.at("sender") == "sender@example.org");
    BOOST_TEST(first.at("recipient") == "a@example.org");
    BOOST_TEST(first.at("client_address") == "192.0.2.7");
    BOOST_TEST(first.at("client_name") == "client.example.net");
    BOOST_TEST(first.at("helo_name") == "client.example.net");
    BOOST_TEST(first.at("size") == "4711");
    BOOST_TEST(first.at("sasl_username") == "robot");
    BOOST_TEST(first.at("queue_id") == "4TestQueueId");
    BOOST_TEST(asked[1].at("instance") == first.at("instance"));
    // The next message of the session is another instance, and has another size.
    client.mail();
    client.rcpt("<a@example.org>");
    BOOST_TEST(server.questions()[3].at("instance") != first.at("instance"));
    BOOST_TEST(server.questions()[3].at("size") == "0");
    BOOST_TEST(answers(service, "go_on") == 3U);
    BOOST_TEST(answers(service, "refused") == 1U);
}

BOOST_AUTO_TEST_CASE(a_message_whose_every_recipient_is_refused_leaves_the_session_as_it_was) {
    FakePolicyServer server(full_or_not);
    Service service({{"policy", block(server)}});
    service.start();
    MilterClient client = at_rcpt(service);
    BOOST_TEST(client.rcpt("<full@example.org>").text() == kFull);
    client.abort();
    BOOST_TEST(client.message(eicar_attached()).text() == std::string("550 5.7.1 virus found: ") + kEicarName);
}

BOOST_AUTO_TEST_CASE(a_server_that_is_down_or_talks_nonsense_refuses_nobody_for_good) {
    for (const char* on_error : {"accept", "tempfail"}) {
        FakePolicyServer nonsense([](const PolicyAttributes&) { return "what?\n\n"; });
        Service service({{"policy", block(nonsense, std::string(", failures = 2, on_error = \"") + on_error + '"')},
                         {"workers.session_min", "1"},
                         {"workers.session_max", "1"}});
        service.start();
        const bool accepts = std::string_view(on_error) == "accept";
        const std::string due = accepts ? "continue" : "451 4.3.5 policy server unavailable, try again later";
        MilterClient client = at_rcpt(service);
        for (int i = 0; i < 2; ++i) BOOST_TEST(client.rcpt().text() == due);
        service.wait_log({"policy-failed", "policy=quota", "reason="});
        service.wait_log({"policy-suspended", "policy=quota", "failures=2"});
        nonsense.stop();
        for (int i = 0; i < 5; ++i) BOOST_TEST(client.rcpt().text() == due);
        BOOST_TEST(answers(service, "failed") == 2U);
        BOOST_TEST(answers(service, "suspended") == 5U);
        BOOST_TEST(nonsense.questions().size() == 2U);
    }
}

BOOST_AUTO_TEST_CASE(an_observing_listener_asks_and_refuses_nobody) {
    FakePolicyServer server(full_or_not);
    Service service({{"policy", block(server)}, {"milter.mode", "\"observe\""}});
    service.start();
    MilterClient client = at_rcpt(service);
    BOOST_TEST(client.rcpt("<full@example.org>").command == 'c');
    service.wait_log({"recipient-refused", "observed=yes", "reply=552"});
}

BOOST_AUTO_TEST_CASE(the_probe_of_the_operator_asks_nobody) {
    FakePolicyServer server([](const PolicyAttributes&) { return "action=REJECT\n\n"; });
    Service service({{"policy", block(server)}});
    service.start();
    const Outcome probe = service.ctl({"probe"});
    BOOST_TEST(probe.status == 0, probe.output);
    BOOST_TEST(server.questions().empty());
}

BOOST_AUTO_TEST_CASE(a_policy_comes_and_goes_with_the_configuration) {
    FakePolicyServer server(full_or_not);
    Service service;
    service.start();
    BOOST_TEST(at_rcpt(service).rcpt("<full@example.org>").command == 'c');
    service.set("policy", block(server));
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    BOOST_TEST(at_rcpt(service).rcpt("<full@example.org>").text() == kFull);
    service.set("policy", "");
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    BOOST_TEST(at_rcpt(service).rcpt("<full@example.org>").command == 'c');
}

// Hundreds of sessions wait for a server that says nothing: others are served, a reload and a stop do not wait for it.
BOOST_AUTO_TEST_CASE(sessions_that_wait_for_a_dead_server_hold_up_nobody) {
    FakePolicyServer server(silence);
    Service service({{"policy", block(server, ", timeout = \"8s\", connections = 256, listeners = [\"waits\"]")},
                     {"listener", R"([{name = "waits", address = ["inet:0@127.0.0.1"]}])"},
                     {"workers.session_min", "1"},
                     {"workers.session_max", "1"},
                     {"workers.sessions_per_worker", "1100"}});
    service.start();
    std::string waits;
    const json status = service.status();
    for (const json& address : status.at("listeners"))
        if (std::string(address).starts_with("inet:")) waits = address;
    std::vector<MilterClient> waiting;
    for (int i = 0; i < 1000; ++i) {
        waiting.emplace_back(waits);
        waiting.back().open();
        waiting.back().mail();
        std::string recipient("<a@example.org>");
        recipient += '\0';
        waiting.back().send('R', recipient);
    }
    wait_until("they wait for the server", [&] { return server.questions().size() >= 100; });
    BOOST_TEST(service.session().message(clean_mail()).status() == "Clean");
    const json reloaded = ask(service);
    BOOST_TEST(reloaded.at("ok") == true, reloaded);
    BOOST_TEST(service.session().message(eicar_attached()).text() ==
               std::string("550 5.7.1 virus found: ") + kEicarName);
    for (MilterClient& client : waiting) BOOST_TEST(client.receive().command == 'c');
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
