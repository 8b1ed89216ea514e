// The scanner gets the whole message, as it came, whatever it looks like and whatever happens in the session.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "tests/support/capture.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;
const std::string kFound = std::string(kEicarName) + " FOUND";

// The lines that evermilter puts before a message.
std::string before(const std::string& bytes, const std::string& mail) {
    BOOST_REQUIRE(bytes.size() >= mail.size());
    BOOST_TEST((bytes.substr(bytes.size() - mail.size()) == mail), "the message is scanned as it was sent");
    return bytes.substr(0, bytes.size() - mail.size());
}

void no_message_is_held(const Service& service, const Holdings& idle) {
    wait_until("no session is open", [&] { return service.status().at("sessions").at("open") == 0; });
    Holdings now;
    try {
        wait_until("no message is held", [&] {
            now = holdings(service);
            return now.memfds == idle.memfds && now.deleted_files == idle.deleted_files;
        });
    } catch (const NeverHappened& error) {
        throw NeverHappened(error.what() + std::string("\nbefore:\n") + idle.text + "after:\n" + now.text);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(message_test)

BOOST_AUTO_TEST_CASE(the_scanner_gets_the_message_byte_for_byte_behind_a_received_field) {
    Service service;
    service.start();
    MilterClient client = service.session();
    for (const std::string& mail :
         {clean_mail(), eicar_in_body(), eicar_attached(), eicar_in_zip(), forwarded(eicar_attached())}) {
        const Captured captured = capture(service, client, mail);
        const std::string synthetic = before(captured.bytes, mail);
        BOOST_TEST(synthetic.starts_with("Received: "));
        const std::string verdict = clamscan(service, captured.bytes);
        BOOST_TEST((verdict == "OK" || verdict == kFound));
        BOOST_TEST((captured.verdict.text() == (verdict == "OK" ? "accept" : kRejected)));
        BOOST_TEST(((mail == clean_mail()) == (verdict == "OK")));
    }
}

BOOST_AUTO_TEST_CASE(the_message_is_the_same_in_protocol_version_2_which_swallows_a_leading_blank) {
    Service service;
    service.start();
    for (const std::uint32_t version : {2U, 6U}) {
        MilterClient client = service.session(Offer::of_version(version));
        const Captured captured = capture(service, client, eicar_attached());
        before(captured.bytes, eicar_attached());
    }
}

BOOST_AUTO_TEST_CASE(folded_headers_and_odd_blanks_after_the_colon_stay_as_they_are) {
    Service service;
    service.start();
    MilterClient client = service.session();
    const std::string mail =
        "Subject:no blank\r\nX-Two:  two blanks\r\nX-Folded: first\r\n\tsecond\r\n third\r\nX-Empty:\r\n\r\nbody\r\n";
    before(capture(service, client, mail).bytes, mail);
}

BOOST_AUTO_TEST_CASE(a_message_whose_first_header_is_content_type_is_taken_apart) {
    Service service;
    service.start();
    MilterClient client = service.session();
    const std::string mail =
        "Content-Type: multipart/mixed; boundary=\"b\"\r\nMIME-Version: 1.0\r\n\r\n--b\r\nContent-Type: "
        "application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
        base64(eicar()) + "--b--\r\n";
    const Captured captured = capture(service, client, mail);
    BOOST_TEST(captured.verdict.text() == kRejected);
    BOOST_TEST(clamscan(service, captured.bytes) == kFound);
}

BOOST_AUTO_TEST_CASE(a_line_that_begins_with_from_in_the_body_does_not_hide_what_comes_after_it) {
    // After a first mbox line libclamav would take such a line for the beginning of the next message, and tear the
    // parts apart.
    Service service;
    service.start();
    MilterClient client = service.session();
    const std::string mail = multipart_mail(
        {text_part("Dear all,\r\n\r\nFrom now on\r\n\r\nFrom a@b.example Fri Nov 20 09:36:00 2026\r\n\r\nbye\r\n"),
         attachment("eicar.com", eicar())});
    const Captured captured = capture(service, client, mail);
    before(captured.bytes, mail);
    BOOST_TEST(captured.verdict.text() == kRejected);
    BOOST_TEST(clamscan(service, captured.bytes) == kFound);
}

BOOST_AUTO_TEST_CASE(a_message_of_nothing_but_its_end_is_answered_and_stamped) {
    // Sendmail sends MAIL, RCPT, DATA and end of message for such a message: no header, no end of headers, no body.
    Service service;
    service.start();
    for (const std::uint32_t version : {2U, 6U}) {
        MilterClient client = service.session(Offer::of_version(version));
        client.mail();
        client.rcpt();
        client.data();
        const Verdict verdict = client.end_of_message();
        BOOST_TEST(verdict.text() == "accept");
        BOOST_TEST(verdict.status() == "Clean");
        BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    }
}

BOOST_AUTO_TEST_CASE(a_message_without_headers_or_without_body_is_scanned) {
    Service service;
    service.start();
    MilterClient client = service.session();
    const std::string body = eicar() + "\r\n";
    BOOST_TEST(client.message("\r\n" + body).text() == kRejected);
    BOOST_TEST(client.message(ordinary_headers()).status() == "Clean");
    BOOST_TEST(client.message(ordinary_headers() + "\r\n").status() == "Clean");
}

BOOST_AUTO_TEST_CASE(nul_bytes_and_bare_line_feeds_reach_the_scanner) {
    Service service;
    service.start();
    MilterClient client = service.session();
    const std::string nul(1, '\0');
    const std::vector<std::string> mails = {
        ordinary_headers() + "\r\nbefore" + nul + "after\r\n" + nul + nul + "\r\n" + eicar() + "\r\n",
        ordinary_headers() + "\r\nbare\nline\nfeeds\n" + eicar() + "\n",
        ordinary_headers() + "\r\nno end of line and a lone \r in it",
    };
    for (const std::string& mail : mails) {
        const Captured captured = capture(service, client, mail);
        before(captured.bytes, mail);
        const bool infected = mail.find(eicar()) != std::string::npos;
        BOOST_TEST(captured.verdict.text() == (infected ? kRejected : "accept"));
        BOOST_TEST(clamscan(service, captured.bytes) == (infected ? kFound : "OK"));
    }
}

BOOST_AUTO_TEST_CASE(the_last_of_1000_mime_parts_is_seen) {
    Service service;
    service.start();
    MilterClient client = service.session();
    std::vector<Part> parts;
    for (unsigned number = 0; number < 999; ++number)
        parts.push_back(attachment("part" + std::to_string(number), noise(100, number)));
    const Verdict clean = client.message(multipart_mail(parts));
    BOOST_TEST(clean.status() == "Clean");
    parts.push_back(attachment("eicar.com", eicar()));
    const Captured captured = capture(service, client, multipart_mail(parts));
    BOOST_TEST(captured.verdict.text() == kRejected);
    BOOST_TEST(clamscan(service, captured.bytes) == kFound);
}

BOOST_AUTO_TEST_CASE(twenty_megabytes_are_scanned_to_their_end_and_spooled_meanwhile) {
    Service service;
    service.start();
    const Holdings idle = holdings(service);
    MilterClient client = service.session();
    const std::string large = noise(14UL * 1024 * 1024, 1); // base64 makes 20 MB of it
    const Verdict clean = client.message(multipart_mail({attachment("large.bin", large)}));
    BOOST_TEST(clean.text() == "accept");
    BOOST_TEST(clean.status() == "Clean");

    const std::string mail = multipart_mail({attachment("large.bin", large), attachment("eicar.com", eicar())});
    BOOST_REQUIRE(client.upload(mail).command == 'c');
    wait_until("the message lies in an unlinked file of the spool directory", [&] {
        for (const pid_t worker : service.pids("session"))
            for (const Descriptor& one : descriptors(worker))
                if (one.deleted_file() && one.target.starts_with(service.spool_directory().string())) return true;
        return false;
    });
    BOOST_TEST(entries_below(service.spool_directory()).empty());
    BOOST_TEST(client.end_of_message().text() == kRejected);
    const Captured captured = capture(service, client, mail);
    before(captured.bytes, mail);
    BOOST_TEST(captured.verdict.text() == kRejected);
    client.quit();
    no_message_is_held(service, idle);
}

BOOST_AUTO_TEST_CASE(smtputf8_and_the_null_sender_are_served) {
    Service service;
    service.start();
    MilterClient client = service.session();
    Envelope utf8;
    utf8.sender =
        "<j\xc3\xb6rg@b\xc3\xbc"
        "cher.example>";
    utf8.sender_arguments = {"SMTPUTF8", "BODY=8BITMIME"};
    utf8.recipients = {"<\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.example>"};
    const std::string mail =
        "Subject: gr\xc3\xbc\xc3\x9f"
        "e\r\n" +
        eicar_attached();
    const Captured captured = capture(service, client, mail, utf8);
    before(captured.bytes, mail);
    BOOST_TEST(captured.verdict.text() == kRejected);
    BOOST_TEST(client.message(clean_mail(), utf8).status() == "Clean");

    Envelope bounce;
    bounce.sender = "<>";
    BOOST_TEST(client.message(clean_mail("bounce"), bounce).status() == "Clean");
    BOOST_TEST(client.message(eicar_attached(), bounce).text() == kRejected);
}

BOOST_AUTO_TEST_CASE(what_an_envelope_holds_forges_no_log_line_and_no_line_of_the_scanned_message) {
    Service service;
    service.start();
    MilterClient client = service.session();
    Envelope envelope;
    envelope.sender = "<a\r\nevent=forged role=supervisor@example.org>";
    envelope.queue_id = "Q\nevent=forged";
    const Captured captured = capture(service, client, eicar_attached(), envelope);
    BOOST_TEST(captured.verdict.text() == kRejected);
    BOOST_TEST(before(captured.bytes, eicar_attached()).find("\nevent=forged") == std::string::npos);
    service.wait_log({"infected by"});
    BOOST_TEST(service.log().find("\nevent=forged") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(many_messages_on_one_connection_each_get_their_own_verdict) {
    Service service;
    service.start();
    const Holdings idle = holdings(service);
    MilterClient client = service.session();
    for (int number = 0; number < 100; ++number) {
        const bool infected = number % 3 == 1;
        const Verdict verdict =
            client.message(infected ? eicar_attached() : clean_mail("message " + std::to_string(number)));
        BOOST_TEST(verdict.text() == (infected ? kRejected : "accept"));
        if (!infected) BOOST_TEST(verdict.status() == "Clean");
    }
    client.quit();
    no_message_is_held(service, idle);
}

BOOST_AUTO_TEST_CASE(a_reset_at_any_stage_leaves_nothing_for_the_next_message) {
    Service service;
    service.start();
    MilterClient client = service.session();
    const std::string mail = eicar_in_body();
    const std::vector<std::function<void()>> stages = {
        [&] { client.mail(); },
        [&] { client.mail(), client.rcpt(); },
        [&] { client.mail(), client.rcpt(), client.data(); },
        [&] { client.mail(), client.rcpt(), client.data(), client.header("X-Virus-Status", " Clean"); },
        [&] { client.upload(mail); },
    };
    for (const auto& stage : stages) {
        stage();
        client.abort();
        const Captured captured = capture(service, client, clean_mail());
        before(captured.bytes, clean_mail());
        BOOST_TEST(captured.bytes.find(eicar()) == std::string::npos);
        BOOST_TEST(captured.verdict.status() == "Clean");
        for (const Modification& one : captured.verdict.modifications)
            BOOST_TEST(one.command != 'm', "no header of an aborted message is deleted in the next");
        BOOST_TEST(client.message(mail).text() == kRejected);
    }
}

BOOST_AUTO_TEST_CASE(a_mail_server_that_vanishes_in_a_message_leaves_nothing) {
    Service service;
    service.start();
    service.session().message(clean_mail("first"));
    wait_until("idle", [&] { return service.status().at("sessions").at("open") == 0; });
    wait_no_message(service);
    const Holdings idle = holdings(service);
    for (int round = 0; round < 10; ++round) {
        MilterClient in_data = service.session();
        in_data.mail();
        in_data.rcpt();
        in_data.data();
        MilterClient in_body = service.session();
        in_body.upload(clean_mail(std::string(100000, 'x')));
        MilterClient at_end = service.session();
        at_end.upload(clean_mail("at the end"));
        at_end.send('E');
        MilterClient in_packet = service.session();
        in_packet.send_raw(std::string("\0\0\0\x40M<a", 7));
    }
    no_message_is_held(service, idle);
    BOOST_TEST(service.session().message(eicar_attached()).text() == kRejected);
    // A message that was given up counts neither as clean nor as infected.
    BOOST_TEST(service.status().at("messages").at("infected") == 1);
}

BOOST_AUTO_TEST_CASE(after_quit_nc_a_new_session_begins_on_the_connection) {
    Service service;
    service.start();
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    for (int round = 0; round < 5; ++round) {
        client.quit_nc();
        BOOST_TEST(client.connect("next.example.net", "192.0.2.8").command == 'c');
        BOOST_TEST(client.helo("next.example.net").command == 'c');
        BOOST_TEST(client.message(clean_mail("after quit_nc " + std::to_string(round))).status() == "Clean");
        BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    }
    // In the middle of a message, too.
    client.upload(eicar_in_body());
    client.quit_nc();
    client.connect();
    client.helo();
    BOOST_TEST(client.message(clean_mail("after a message that was given up")).status() == "Clean");
    client.quit();
}

BOOST_AUTO_TEST_CASE(a_message_over_tcp_is_scanned_over_ipv4_and_ipv6) {
    Service service(Keys{{"milter.listen", R"(["inet:0@127.0.0.1", "inet6:0@::1"])"}});
    service.start();
    const nlohmann::json status = service.status();
    for (const auto& listener : status.at("listeners")) {
        MilterClient client(listener.get<std::string>());
        client.open();
        BOOST_TEST(client.message(eicar_in_zip()).text() == kRejected);
        BOOST_TEST(client.message(clean_mail()).status() == "Clean");
        client.quit();
    }
    BOOST_TEST(service.status().at("listeners").size() == 2);
}

BOOST_AUTO_TEST_SUITE_END()
