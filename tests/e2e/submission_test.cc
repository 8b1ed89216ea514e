// Two ports of a real Postfix, each with a listener of its own: mail from outside, and mail of users who authenticate.
#include <boost/test/unit_test.hpp>

#include "tests/e2e/site.h"
#include "tests/e2e/verdicts.h"
#include "tests/support/messages.h"
#include "tests/support/waiting.h"

namespace {

using namespace evermilter::test;

const std::string kRefusal = std::string("550 5.7.1 virus found: ") + kDemoEicar;

struct TwoPorts {
    SiteService service;
    std::unique_ptr<Postfix> server;

    // `submission`: the keys of its block.
    explicit TwoPorts(const std::string& submission) {
        need_root();
        const std::string path = service.milter_path() + "-submission";
        service.set("listener", "[{name = \"submission\", address = [\"unix:" + path + "\"], socket_mode = \"0666\", " +
                                    submission + "}]");
        service.start();
        server = std::make_unique<Postfix>("unix:" + service.milter_path(), "unix:" + path);
    }
    [[nodiscard]] SmtpReply send(std::uint16_t port, const std::string& message, bool authenticated,
                                 const SmtpEnvelope& envelope = {}) const {
        SmtpClient client(port);
        client.ehlo();
        if (authenticated) BOOST_TEST(client.command("AUTH PLAIN " + Postfix::plain_credentials()).code() == 235);
        SmtpReply reply = client.message(message, envelope);
        client.command("QUIT");
        return reply;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(submission_test)

BOOST_AUTO_TEST_CASE(who_has_authenticated_is_exempt_where_the_listener_says_so) {
    const TwoPorts site("skip.authenticated = true");
    BOOST_TEST(site.send(site.server->submission_port(), eicar_attached(), true).code() == 250);
    const Delivered mail = site.server->take_one();
    BOOST_TEST(mail.values("X-Virus-Status") == std::vector<std::string>{" Not scanned (exempt)"},
               boost::test_tools::per_element());
    BOOST_TEST(mail.values("X-Virus-Scanned").empty());
    BOOST_TEST(site.send(site.server->submission_port(), eicar_attached(), false) == kRefusal);
    BOOST_TEST(site.send(site.server->port(), eicar_attached(), false) == kRefusal);
    site.service.wait_log({"message", "finding=exempt", "detail=user", "listener=submission"});
}

BOOST_AUTO_TEST_CASE(a_user_by_name_is_exempt_and_another_port_does_not_know_him) {
    const TwoPorts site("skip.users = [\"/^alice(@|$)/\"], actions.reject_text = \"554 5.7.0 not by submission\"");
    BOOST_TEST(site.send(site.server->submission_port(), eicar_attached(), true).code() == 250);
    static_cast<void>(site.server->take_one());
    BOOST_TEST(site.send(site.server->submission_port(), eicar_attached(), false) == "554 5.7.0 not by submission");
    BOOST_TEST(site.send(site.server->port(), eicar_attached(), false) == kRefusal);
}

BOOST_AUTO_TEST_CASE(a_discarded_message_is_accepted_and_delivered_to_nobody) {
    const TwoPorts site("actions.infected = \"discard\"");
    BOOST_TEST(site.send(site.server->submission_port(), eicar_attached(), true).code() == 250);
    site.service.wait_log({"message", "action=discard", "listener=submission"});
    BOOST_TEST(site.send(site.server->submission_port(), clean_mail(), true).code() == 250);
    BOOST_TEST(site.server->take_one().values("X-Virus-Status") == std::vector<std::string>{" Clean"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_message_to_exempt_recipients_alone_is_exempt) {
    const TwoPorts site("skip.recipients = [\"abuse@example.net\", \"@samples.example.net\"]");
    const auto to = [](std::vector<std::string> recipients) {
        SmtpEnvelope envelope;
        envelope.recipients = std::move(recipients);
        return envelope;
    };
    const std::uint16_t port = site.server->submission_port();
    BOOST_TEST(site.send(port, eicar_attached(), false, to({"abuse@example.net", "v@samples.example.net"})).code() ==
               250);
    BOOST_TEST(site.send(port, eicar_attached(), false, to({"abuse@example.net", "c@example.net"})) == kRefusal);
    BOOST_TEST(site.send(port, eicar_attached(), false, to({"c@example.net"})) == kRefusal);
    wait_until("both copies are delivered", [&, copies = std::size_t{0}]() mutable {
        copies += site.server->take_all().size();
        return copies == 2;
    });
}

BOOST_AUTO_TEST_CASE(an_observing_listener_delivers_what_it_would_refuse_and_stamps_it) {
    const TwoPorts site("mode = \"observe\"");
    BOOST_TEST(site.send(site.server->submission_port(), eicar_attached(), false).code() == 250);
    BOOST_TEST(site.server->take_one().values("X-Virus-Status") ==
                   std::vector<std::string>{std::string(" Infected (") + kDemoEicar + ")"},
               boost::test_tools::per_element());
    BOOST_TEST(site.send(site.server->port(), eicar_attached(), false) == kRefusal);
}

BOOST_AUTO_TEST_SUITE_END()
