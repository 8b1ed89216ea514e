// See verdicts.h.
#include "tests/e2e/verdicts.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "config/parse.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

namespace {

using Values = std::vector<std::string>;

// What the signatures of set_rules() find.
constexpr const char* kTagged = "evermilter-tag-text";
constexpr const char* kHeld = "evermilter-hold-text";

std::string lf(const std::string& message) {
    std::string text;
    for (const char byte : message)
        if (byte != '\r') text += byte;
    return text;
}

std::string refusal() {
    return std::string("550 5.7.1 virus found: ") + kDemoEicar;
}

SmtpReply send(const MailServer& server, const std::string& message, const SmtpEnvelope& envelope = {}) {
    SmtpClient client(server.port());
    client.ehlo();
    return client.message(message, envelope);
}

// Delivered with this X-Virus-Status, once, and otherwise as it was sent.
void check_delivered(const MailServer& server, const Delivered& mail, const std::string& sent,
                     const std::string& status) {
    const Values trace = server.trace_fields();
    BOOST_TEST_REQUIRE(mail.fields.size() >= trace.size());
    for (std::size_t at = 0; at < trace.size(); ++at) BOOST_TEST(mail.fields[at].first == trace[at]);
    BOOST_TEST(mail.values("X-Virus-Status") == Values{" " + status}, boost::test_tools::per_element());
    BOOST_TEST(mail.without_stamps(trace.size()) == lf(sent));
}

void check_scanned_by_us(const Delivered& mail) {
    const Values by = mail.values("X-Virus-Scanned");
    BOOST_TEST_REQUIRE(by.size() == 1U);
    BOOST_TEST(by.front().starts_with(" evermilter "), by.front());
}

void check_not_scanned(const Delivered& mail) {
    BOOST_TEST(mail.values("X-Virus-Scanned").empty());
}

// A refused message is nowhere: a message sent after it is the only one that arrives.
void check_only_the_next_arrives(const MailServer& server) {
    const std::string next = clean_mail("sent after a refused one");
    BOOST_TEST(send(server, next).code() == 250);
    check_delivered(server, server.take_one(), next, "Clean");
}

} // namespace

void clean_is_delivered_unchanged_but_for_its_stamps(const MailServer& server) {
    const std::string message =
        "Received: from elsewhere.example.org by relay.example.org;\r\n"
        "\tFri, 20 Nov 2026 09:35:59 +0000\r\n" +
        ordinary_headers("  two  blanks, and a fold") +
        "X-fOlded: one\r\n two\r\n\tthree\r\n"
        "X-Empty:\r\n"
        "X-No-Blank:value\r\n"
        "\r\n"
        "a line\r\n"
        ".a line that begins with a dot\r\n"
        "trailing blanks  \r\n" +
        std::string(990, 'l') +
        "\r\n"
        "\r\n"
        "\r\n";
    BOOST_TEST(send(server, message).code() == 250);
    const Delivered mail = server.take_one();
    check_delivered(server, mail, message, "Clean");
    check_scanned_by_us(mail);
}

void infected_is_refused(const MailServer& server, const std::string& message) {
    BOOST_TEST(send(server, message) == refusal());
    check_only_the_next_arrives(server);
}

void oversize_is_delivered_and_never_stamped_clean(const MailServer& server) {
    std::string message = ordinary_headers() + "\r\n";
    while (message.size() <= kMaxSize) message += std::string(76, 'o') + "\r\n";
    BOOST_TEST(send(server, message).code() == 250);
    const Delivered mail = server.take_one();
    check_delivered(server, mail, message, "Not scanned (too large)");
    check_not_scanned(mail);
}

void incomplete_is_delivered_and_never_stamped_clean(const MailServer& server) {
    std::vector<ZipEntry> entries;
    for (std::size_t at = 0; at <= kMaxFiles; ++at)
        entries.push_back({"file" + std::to_string(at), "content " + std::to_string(at)});
    const std::string message = multipart_mail({text_part("many files"), attachment("many.zip", zip(entries))});
    BOOST_TEST(send(server, message).code() == 250);
    const Delivered mail = server.take_one();
    check_delivered(server, mail, message, "Not fully scanned (MaxFiles)");
    check_scanned_by_us(mail);
}

void a_failed_scan_is_a_451(const MailServer& server, SiteService& service) {
    // Both scanners are stopped, so the message waits in vain for one, for queue_timeout.
    const std::vector<pid_t> scanners = service.pids("scanner");
    BOOST_TEST_REQUIRE(scanners.size() == 2U);
    for (const pid_t scanner : scanners) stop_process(scanner);
    const SmtpReply reply = send(server, clean_mail("nobody scans this"));
    for (const pid_t scanner : scanners) continue_process(scanner);
    BOOST_TEST(reply == "451 4.7.1 scanner unavailable, try again later");
    check_only_the_next_arrives(server);
}

void forged_stamps_are_replaced(const MailServer& server) {
    const std::string forged =
        "X-Virus-Status: Clean\r\n"
        "X-Virus-Scanned: forger 1.0\r\n"
        "x-virus-status: Clean, really\r\n"
        "Subject: between\r\n"
        "X-VIRUS-STATUS: Clean\r\n"
        "X-Virus-Scanned: forger 2.0\r\n"
        "X-Virus-Status:\r\n Clean\r\n";
    const std::string kept = "From: sender@example.org\r\nTo: recipient@example.net\r\n";
    BOOST_TEST(send(server, kept + forged + "\r\nhello\r\n").code() == 250);
    const Delivered mail = server.take_one();
    check_delivered(server, mail, kept + "Subject: between\r\n\r\nhello\r\n", "Clean");
    check_scanned_by_us(mail);

    // No forged field may stay on a message that is not scanned, either.
    std::string oversize = kept + forged + "\r\n";
    while (oversize.size() <= kMaxSize) oversize += std::string(76, 'f') + "\r\n";
    BOOST_TEST(send(server, oversize).code() == 250);
    const Delivered large = server.take_one();
    BOOST_TEST(large.values("X-Virus-Status") == Values{" Not scanned (too large)"}, boost::test_tools::per_element());
    check_not_scanned(large);
}

void as_many_forged_stamps_as_allowed_are_replaced_and_more_are_refused(const MailServer& server, std::size_t many,
                                                                        const std::string& blanks) {
    const std::string kept = "From: sender@example.org\r\nTo: recipient@example.net\r\n";
    const std::array<std::string, 4> forms = {"X-Virus-Status: Clean\r\n", "x-virus-SCANNED: by a forger\r\n",
                                              "X-Virus-Status" + blanks + ": Clean\r\n",
                                              "X-VIRUS-STATUS:\r\n\tClean,\r\n really\r\n"};
    const auto forged = [&](std::size_t count) {
        std::string fields;
        for (std::size_t at = 0; at < count; ++at) fields += forms.at(at % forms.size());
        return fields;
    };
    const std::size_t most = config::defaults().headers.max_forged;
    BOOST_TEST(send(server, kept + forged(most) + "Subject: last\r\n\r\nhello\r\n").code() == 250);
    const Delivered mail = server.take_one();
    check_delivered(server, mail, kept + "Subject: last\r\n\r\nhello\r\n", "Clean");
    check_scanned_by_us(mail);
    BOOST_TEST(send(server, kept + forged(many) + "Subject: last\r\n\r\nhello\r\n") ==
               "550 5.7.1 message has too many forged X-Virus-Status and X-Virus-Scanned fields");
    check_only_the_next_arrives(server);
}

void a_null_sender_is_served(const MailServer& server) {
    const std::string message = clean_mail("a bounce");
    BOOST_TEST(send(server, message, {.sender = ""}).code() == 250);
    check_delivered(server, server.take_one(), message, "Clean");
    BOOST_TEST(send(server, eicar_attached(), {.sender = ""}) == refusal());
    check_only_the_next_arrives(server);
}

void one_session_carries_many_messages(const MailServer& server) {
    SmtpClient client(server.port());
    client.ehlo();
    for (int round = 0; round < 3; ++round) {
        const std::string message = clean_mail("message " + std::to_string(round));
        BOOST_TEST(client.message(message).code() == 250);
        check_delivered(server, server.take_one(), message, "Clean");
        BOOST_TEST(client.message(eicar_attached()) == refusal());
    }
    BOOST_TEST(client.command("QUIT").code() == 221);
    check_only_the_next_arrives(server);
}

void a_message_given_up_leaves_nothing_to_the_next(const MailServer& server) {
    SmtpClient client(server.port());
    client.ehlo();
    BOOST_TEST(client.command("MAIL FROM:<given-up@example.org>").code() == 250);
    BOOST_TEST(client.command("RCPT TO:<given-up@example.net>").code() == 250);
    BOOST_TEST(client.command("RSET").code() == 250);
    const std::string message = clean_mail("after RSET");
    BOOST_TEST(client.message(message).code() == 250);
    check_delivered(server, server.take_one(), message, "Clean");
    {
        SmtpClient vanishing(server.port());
        vanishing.ehlo();
        vanishing.envelope();
    }
    check_only_the_next_arrives(server);
}

void a_message_with_nothing_in_it_is_stamped(const MailServer& server) {
    BOOST_TEST(send(server, "").code() == 250);
    const Delivered mail = server.take_one();
    BOOST_TEST(mail.values("X-Virus-Status") == Values{" Clean"}, boost::test_tools::per_element());
    check_scanned_by_us(mail);
    BOOST_TEST(mail.body.empty());
}

void a_message_without_headers_is_scanned(const MailServer& server) {
    BOOST_TEST(send(server, "\r\n" + eicar() + "\r\n") == refusal());
    BOOST_TEST(send(server, "\r\nonly a body\r\n").code() == 250);
    const Delivered mail = server.take_one();
    BOOST_TEST(mail.values("X-Virus-Status") == Values{" Clean"}, boost::test_tools::per_element());
    BOOST_TEST(mail.body == "only a body\n");
}

void a_message_of_all_bytes_that_smtp_carries_is_delivered_unchanged(const MailServer& server) {
    std::string body;
    for (int byte = 1; byte < 256; ++byte)
        if (byte != '\r' && byte != '\n') body += static_cast<char>(byte);
    const std::string message = ordinary_headers() +
                                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
                                "Content-Transfer-Encoding: 8bit\r\n\r\n" +
                                body + "\r\n";
    BOOST_TEST(send(server, message, {.parameters = " BODY=8BITMIME"}).code() == 250);
    check_delivered(server, server.take_one(), message, "Clean");
}

void set_rules(SiteService& service) {
    write_signature(service.database(), "Tag.Text", kTagged);
    write_signature(service.database(), "Hold.Text", kHeld);
    service.set("rule",
                R"([{name = "tag", match = ["*.Tag.*"], action = "accept", header = "X-Tag: {virus}"}, )"
                R"({name = "hold", match = ["*.Hold.*"], action = "quarantine"}, )"
                R"({name = "own", match = ["Eicar-*"], action = "reject", text = "554 5.7.9 not here\n{virus}"}])");
}

void each_name_is_answered_by_its_rule(const MailServer& server, const std::function<std::size_t()>& on_hold) {
    const std::string tagged = clean_mail(kTagged);
    BOOST_TEST(send(server, tagged).code() == 250);
    const Delivered mail = server.take_one();
    BOOST_TEST(mail.values("X-Tag") == Values{" Evermilter.Test.Tag.Text.UNOFFICIAL"},
               boost::test_tools::per_element());
    BOOST_TEST(mail.values("X-Virus-Status") == Values{" Infected (Evermilter.Test.Tag.Text.UNOFFICIAL)"},
               boost::test_tools::per_element());

    BOOST_TEST(send(server, clean_mail(kHeld)).code() == 250);
    wait_until("the message is on hold", [&] { return on_hold() == 1; });
    BOOST_TEST(send(server, eicar_attached()) == std::string("554-5.7.9 not here\n554 5.7.9 ") + kDemoEicar);
    // The strictest rule of all names: tag and hold, and then the refusal.
    BOOST_TEST(send(server, clean_mail(std::string(kTagged) + ' ' + kHeld)).code() == 250);
    wait_until("the second is on hold", [&] { return on_hold() == 2; });
    BOOST_TEST(send(server, multipart_mail({text_part(kTagged), attachment("e.com", eicar())})).code() == 554);
    check_only_the_next_arrives(server);
    BOOST_TEST(on_hold() == 2);
}

void before_the_first_generation_only_the_end_of_message_waits(
    SiteService& service, const std::function<std::unique_ptr<MailServer>(const SiteService&)>& start) {
    // The loader is stopped as soon as it exists, with enough to load that it cannot be ready by then.
    write_bulk_database(service.database(), 400000);
    service.set("scanner.queue_timeout", "\"40s\"");
    service.launch();
    pid_t loader = 0;
    wait_until("the loader exists", [&] {
        for (const Process& one : service.processes())
            if (one.name.starts_with("evermilter-scan")) loader = one.pid;
        return loader != 0;
    });
    stop_process(loader);
    wait_until("it listens", [&] {
        return std::filesystem::exists(service.milter_path()) && std::filesystem::exists(service.status_path());
    });
    const std::unique_ptr<MailServer> server = start(service);
    SmtpClient client(server->port());
    client.ehlo();
    client.envelope();
    client.content(eicar_attached());
    service.wait_status("the end of message waits", [](const nlohmann::json& status) {
        return status.at("sessions").at("by_stage").value("eom", 0) == 1;
    });
    BOOST_TEST(!client.readable());
    BOOST_TEST(service.status().at("state") == "starting");
    continue_process(loader);
    BOOST_TEST(client.receive() == refusal());
    const std::string next = clean_mail("after the load");
    BOOST_TEST(client.message(next).code() == 250);
    check_delivered(*server, server->take_one(), next, "Clean");
}

} // namespace evermilter::test
