// Policies by real SMTP, behind Postfix and Sendmail: Dovecot's quota-status, and all others.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/e2e/dovecot.h"
#include "tests/e2e/site.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace {

using namespace evermilter::test;
namespace fs = std::filesystem;

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

// All policies at once: quota, a list of senders, signatures of the site, a tap, and the summary of it.
template <class Server>
void with_all_policies(Transport transport) {
    need_root();
    Asked site;
    const fs::path folder = site.service.path("policies");
    fs::create_directories(folder / "tap");
    BOOST_REQUIRE(::chown((folder / "tap").c_str(), site.service.user().user, site.service.user().group) == 0);
    write_file(folder / "spammers", "spammer@example.org\n");
    write_file(folder / "signatures", "Site.Mailer =\nX-Mailer: a mailer that only they use\n");
    write_file(folder / "tap-switch", "recipient watched@example.net\n");
    site.service.set("senders", "[{name = \"spammers\", file = \"" + (folder / "spammers").string() + "\"}]");
    site.service.set("database.site_signatures", '"' + (folder / "signatures").string() + '"');
    site.service.set("tap.switch", '"' + (folder / "tap-switch").string() + '"');
    site.service.set("tap.directory", '"' + (folder / "tap").string() + '"');
    site.service.set("log.summary", "\"2s\"");
    BOOST_TEST(site.service.ctl({"reload-config"}).status == 0);
    const auto server = start_server<Server>(site.service, transport);
    SmtpClient client(server->port());
    client.ehlo();

    // At MAIL; a mail server may keep the answer until RCPT.
    SmtpReply spammer = client.command("MAIL FROM:<spammer@example.org>");
    if (spammer.positive()) spammer = client.command("RCPT TO:<recipient@example.net>");
    BOOST_TEST(spammer.text.starts_with("550 5.7.1 "), spammer); // Sendmail names the sender behind it
    BOOST_TEST(spammer.text.ends_with("sender not accepted here"), spammer);
    BOOST_TEST(client.command("RSET").code() == 250);
    BOOST_TEST(client.command("MAIL FROM:<sender@example.org>").code() == 250);
    BOOST_TEST(client.command("RCPT TO:<full@example.net>") == Dovecot::kFull);
    BOOST_TEST(client.command("RSET").code() == 250);
    BOOST_TEST(client.message("X-Mailer: a mailer that only they use\r\n" + clean_mail()) ==
               "550 5.7.1 virus found: Site.Mailer.UNOFFICIAL");
    BOOST_TEST(client.message(eicar_attached()) == std::string("550 5.7.1 virus found: ") + kDemoEicar);
    BOOST_TEST(client.message(clean_mail("watched"), {.recipients = {"watched@example.net"}}).code() == 250);
    BOOST_TEST(server->take_one().values("X-Virus-Status") == std::vector<std::string>{" Clean"},
               boost::test_tools::per_element());
    BOOST_TEST(client.message(clean_mail("not watched")).code() == 250);
    BOOST_TEST(server->take_one().body == "not watched\n");

    wait_until("the copy is there",
               [&] { return fs::exists(folder / "tap/new") && !fs::is_empty(folder / "tap/new"); });
    std::size_t copies = 0;
    for (const auto& entry : fs::directory_iterator(folder / "tap/new")) {
        ++copies;
        const std::string copy = read_file(entry.path());
        BOOST_TEST(copy.find("X-Tap-From: <sender@example.org>\r\nX-Tap-To: <watched@example.net>\r\n") == 0U, copy);
        BOOST_TEST(copy.ends_with("\r\n\r\nwatched\r\n"), copy);
    }
    BOOST_TEST(copies == 1U);
    site.service.wait_log({"sender-refused", "list=spammers"});
    site.service.wait_log({"recipient-refused", "policy=quota", "reply=552"});
    site.service.wait_log({"event=summary", "infected=", "Site.Mailer.UNOFFICIAL 1"});
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy_test)

BOOST_AUTO_TEST_CASE(all_policies_at_once_through_postfix) {
    with_all_policies<Postfix>(Transport::unix_socket);
}

BOOST_AUTO_TEST_CASE(all_policies_at_once_through_sendmail) {
    with_all_policies<Sendmail>(Transport::tcp);
}

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
