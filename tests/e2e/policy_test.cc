// [[policy]] by real SMTP: Dovecot's quota-status behind Postfix and Sendmail.
#include <boost/test/unit_test.hpp>

#include "tests/e2e/dovecot.h"
#include "tests/e2e/site.h"
#include "tests/support/messages.h"
#include "tests/support/waiting.h"

namespace {

using namespace evermilter::test;

struct Asked {
    SiteService service;
    Dovecot dovecot;

    explicit Asked(const std::string& more = {}) {
        service.set("policy", "[{name = \"quota\", servers = [\"" + dovecot.address() + "\"]" + more + "}]");
        service.start();
    }
};

// The replies to three recipients, of whom the second has a full mailbox, and the message to the others.
void the_full_one_alone_is_refused(const MailServer& server) {
    SmtpClient client(server.port());
    client.ehlo();
    BOOST_TEST(client.command("MAIL FROM:<sender@example.org>").code() == 250);
    BOOST_TEST(client.command("RCPT TO:<recipient@example.net>").code() == 250);
    BOOST_TEST(client.command("RCPT TO:<full@example.net>") == Dovecot::kFull);
    BOOST_TEST(client.command("DATA").code() == 354);
    client.content(clean_mail());
    BOOST_TEST(client.receive().code() == 250);
    BOOST_TEST(server.take_one().values("X-Virus-Status") == std::vector<std::string>{" Clean"},
               boost::test_tools::per_element());
    // Nobody is left of the next: the mail server says so, and the session goes on.
    BOOST_TEST(client.command("MAIL FROM:<sender@example.org>").code() == 250);
    BOOST_TEST(client.command("RCPT TO:<full@example.net>") == Dovecot::kFull);
    BOOST_TEST(!client.command("DATA").positive());
    BOOST_TEST(client.command("RSET").code() == 250);
    BOOST_TEST(client.message(clean_mail("after all")).code() == 250);
    BOOST_TEST(server.take_one().body == "after all\n");
}

template <class Server>
void with_quota(Transport transport) {
    need_root();
    const Asked site;
    const auto server = start_server<Server>(site.service, transport);
    the_full_one_alone_is_refused(*server);
    BOOST_TEST(site.service.status().at("policies").at("answers").at("refused") == 2);
}

template <class Server>
void without_dovecot(Transport transport) {
    need_root();
    Asked site(", on_error = \"tempfail\", failures = 1");
    const auto server = start_server<Server>(site.service, transport);
    site.dovecot.stop();
    SmtpClient client(server->port());
    client.ehlo();
    BOOST_TEST(client.command("MAIL FROM:<sender@example.org>").code() == 250);
    BOOST_TEST(client.command("RCPT TO:<recipient@example.net>") ==
               "451 4.3.5 policy server unavailable, try again later");
    site.service.set("policy", "[{name = \"quota\", servers = [\"" + site.dovecot.address() + "\"]}]");
    BOOST_TEST(site.service.ctl({"reload-config"}).status == 0);
    SmtpClient next(server->port());
    next.ehlo();
    BOOST_TEST(next.message(clean_mail()).code() == 250);
    BOOST_TEST(server->take_one().values("X-Virus-Status").size() == 1U);
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy_test)

BOOST_AUTO_TEST_CASE(a_full_mailbox_is_refused_through_postfix) {
    with_quota<Postfix>(Transport::unix_socket);
}

BOOST_AUTO_TEST_CASE(a_full_mailbox_is_refused_through_sendmail) {
    with_quota<Sendmail>(Transport::tcp);
}

BOOST_AUTO_TEST_CASE(postfix_defers_or_accepts_where_dovecot_is_down) {
    without_dovecot<Postfix>(Transport::unix_socket);
}

BOOST_AUTO_TEST_CASE(sendmail_defers_or_accepts_where_dovecot_is_down) {
    without_dovecot<Sendmail>(Transport::tcp);
}

BOOST_AUTO_TEST_SUITE_END()
