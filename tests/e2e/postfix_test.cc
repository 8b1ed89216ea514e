// The service behind a real Postfix.
#include <boost/test/unit_test.hpp>

#include "tests/e2e/site.h"
#include "tests/e2e/verdicts.h"
#include "tests/support/messages.h"
#include "tests/support/waiting.h"

namespace {

using namespace evermilter::test;

std::unique_ptr<Site<Postfix>> shared;

Site<Postfix>& site() {
    if (!shared) shared = std::make_unique<Site<Postfix>>(Transport::unix_socket);
    return *shared;
}

struct End {
    static void setup() {}
    static void teardown() { shared.reset(); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(postfix_test, *boost::unit_test::fixture<End>())

BOOST_AUTO_TEST_CASE(clean_mail_is_delivered_stamped_and_otherwise_unchanged) {
    clean_is_delivered_unchanged_but_for_its_stamps(*site().server);
}

BOOST_AUTO_TEST_CASE(eicar_in_the_body_is_refused_with_its_name) {
    infected_is_refused(*site().server, eicar_in_body());
}

BOOST_AUTO_TEST_CASE(eicar_as_a_base64_attachment_is_refused) {
    infected_is_refused(*site().server, eicar_attached());
}

BOOST_AUTO_TEST_CASE(eicar_in_a_zip_is_refused) {
    infected_is_refused(*site().server, eicar_in_zip());
}

BOOST_AUTO_TEST_CASE(eicar_in_a_forwarded_message_is_refused) {
    infected_is_refused(*site().server, forwarded(eicar_attached()));
}

BOOST_AUTO_TEST_CASE(an_oversized_message_is_delivered_and_never_stamped_clean) {
    oversize_is_delivered_and_never_stamped_clean(*site().server);
}

BOOST_AUTO_TEST_CASE(a_message_past_a_limit_is_delivered_and_never_stamped_clean) {
    incomplete_is_delivered_and_never_stamped_clean(*site().server);
}

BOOST_AUTO_TEST_CASE(forged_stamps_are_replaced) {
    evermilter::test::forged_stamps_are_replaced(*site().server);
}

BOOST_AUTO_TEST_CASE(as_many_forged_stamps_as_allowed_are_replaced_and_more_are_refused) {
    evermilter::test::as_many_forged_stamps_as_allowed_are_replaced_and_more_are_refused(*site().server, 40'000, " \t");
}

BOOST_AUTO_TEST_CASE(a_null_sender_is_served) {
    evermilter::test::a_null_sender_is_served(*site().server);
}

BOOST_AUTO_TEST_CASE(one_session_carries_many_messages) {
    evermilter::test::one_session_carries_many_messages(*site().server);
}

BOOST_AUTO_TEST_CASE(a_message_given_up_leaves_nothing_to_the_next) {
    evermilter::test::a_message_given_up_leaves_nothing_to_the_next(*site().server);
}

BOOST_AUTO_TEST_CASE(a_message_with_nothing_in_it_is_stamped) {
    evermilter::test::a_message_with_nothing_in_it_is_stamped(*site().server);
}

BOOST_AUTO_TEST_CASE(a_message_without_headers_is_scanned) {
    evermilter::test::a_message_without_headers_is_scanned(*site().server);
}

BOOST_AUTO_TEST_CASE(every_byte_that_smtp_carries_is_delivered_unchanged) {
    a_message_of_all_bytes_that_smtp_carries_is_delivered_unchanged(*site().server);
}

BOOST_AUTO_TEST_CASE(internationalised_mail_is_scanned_and_delivered_unchanged) {
    const SmtpEnvelope envelope{
        .sender = "söl@example.org", .recipients = {"empfänger@example.net"}, .parameters = " SMTPUTF8"};
    const std::string headers = "From: Söl <söl@example.org>\r\nSubject: Grüße\r\n";
    SmtpClient client(site().server->port());
    client.ehlo();
    const std::string message = headers + "\r\nGrüße\r\n";
    BOOST_TEST(client.message(message, envelope).code() == 250);
    const Delivered mail = site().server->take_one();
    BOOST_TEST(mail.values("X-Virus-Status") == std::vector<std::string>{" Clean"}, boost::test_tools::per_element());
    BOOST_TEST(mail.values("Subject") == std::vector<std::string>{" Grüße"}, boost::test_tools::per_element());
    BOOST_TEST(mail.body == "Grüße\n");
    BOOST_TEST(client.message(headers + "\r\n" + eicar() + "\r\n", envelope) ==
               std::string("550 5.7.1 virus found: ") + kDemoEicar);
}

BOOST_AUTO_TEST_CASE(tcp_serves_as_the_unix_socket_does) {
    const auto server = start_server<Postfix>(*site().service, Transport::tcp);
    clean_is_delivered_unchanged_but_for_its_stamps(*server);
    infected_is_refused(*server, eicar_attached());
}

BOOST_AUTO_TEST_CASE(a_client_is_exempt_by_its_address_and_not_by_a_name_that_postfix_does_not_know) {
    need_root();
    SiteService service;
    service.set("skip.networks", "[\"unknown\", \"localhost\"]"); // this Postfix looks no names up
    service.start();
    const auto server = start_server<Postfix>(service, Transport::unix_socket);
    infected_is_refused(*server, eicar_attached());
    service.set("skip.networks", "[\"127.0.0.0/8\"]");
    BOOST_TEST(service.ctl({"reload-config"}).status == 0);
    SmtpClient client(server->port());
    client.ehlo();
    BOOST_TEST(client.message(eicar_attached()).code() == 250);
    BOOST_TEST(server->take_one().values("X-Virus-Status") == std::vector<std::string>{" Not scanned (exempt)"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_reply_of_several_lines_reaches_the_client) {
    need_root();
    SiteService service;
    service.set("actions.reject_text", R"("554 5.7.9 {virus}\nsee our pages\n100% sure")");
    service.start();
    const auto server = start_server<Postfix>(service, Transport::unix_socket);
    SmtpClient client(server->port());
    client.ehlo();
    BOOST_TEST(client.message(eicar_attached()) ==
               std::string("554-5.7.9 ") + kDemoEicar + "\n554-5.7.9 see our pages\n554 5.7.9 100% sure");
}

BOOST_AUTO_TEST_CASE(quarantine_puts_an_infected_message_on_hold) {
    need_root();
    SiteService service;
    service.set("actions.infected", "\"quarantine\"");
    service.start();
    const auto server = start_server<Postfix>(service, Transport::unix_socket);
    SmtpClient client(server->port());
    client.ehlo();
    BOOST_TEST(client.message(eicar_attached()).code() == 250);
    wait_until("the message is on hold", [&] { return server->queue("hold").size() == 1; });
    BOOST_TEST(client.message(clean_mail()).code() == 250);
    BOOST_TEST(server->take_one().values("X-Virus-Status") == std::vector<std::string>{" Clean"},
               boost::test_tools::per_element());
    BOOST_TEST(server->queue("hold").size() == 1U);
}

BOOST_AUTO_TEST_CASE(each_name_is_answered_by_its_rule) {
    need_root();
    SiteService service;
    set_rules(service);
    service.start();
    const auto server = start_server<Postfix>(service, Transport::unix_socket);
    evermilter::test::each_name_is_answered_by_its_rule(*server, [&] { return server->queue("hold").size(); });
}

BOOST_AUTO_TEST_CASE(a_failed_scan_is_a_451_and_is_not_delivered) {
    need_root();
    SiteService service;
    service.set("scanner.queue_timeout", "\"3s\"");
    service.start();
    const auto server = start_server<Postfix>(service, Transport::unix_socket);
    a_failed_scan_is_a_451(*server, service);
}

BOOST_AUTO_TEST_CASE(before_the_first_generation_only_the_end_of_message_waits) {
    need_root();
    SiteService service;
    evermilter::test::before_the_first_generation_only_the_end_of_message_waits(
        service, [](const SiteService& ready) { return start_server<Postfix>(ready, Transport::unix_socket); });
}

BOOST_AUTO_TEST_SUITE_END()
