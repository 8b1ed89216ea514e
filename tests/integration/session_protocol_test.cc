// What MTAs and strangers may send to a session worker: every protocol version, commands in orders that libmilter does
// not expect, packets in pieces.
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/session_worker.h"
#include "tests/support/messages.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

using messages::ScanOutcome;

const std::string kMail = "Subject: one\r\n\r\nHello.\r\n";

std::string packet(char command, const std::string& data = {}) {
    const auto length = htonl(static_cast<std::uint32_t>(data.size() + 1));
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + command + data;
}

std::unique_ptr<MilterClient> ready_for_mail(SessionWorker& worker, Offer offer = {}) {
    auto client = worker.connect(offer);
    client->connect();
    client->helo();
    return client;
}

Verdict finish(MilterClient& client, FakeScanners& scanners, ScanOutcome outcome = ScanOutcome::clean) {
    client.send('E');
    FakeScanners::answer(scanners.take(), outcome, outcome == ScanOutcome::clean ? "" : "V");
    return client.receive_verdict();
}

BOOST_AUTO_TEST_SUITE(session_protocol)

BOOST_DATA_TEST_CASE(each_protocol_version_is_served, boost::unit_test::data::xrange(2, 7), version) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker, Offer::of_version(static_cast<std::uint32_t>(version)));
    for (const ScanOutcome outcome : {ScanOutcome::clean, ScanOutcome::infected}) {
        client->upload(kMail);
        const Verdict verdict = finish(*client, scanners, outcome);
        if (outcome == ScanOutcome::clean)
            BOOST_TEST(verdict.status() == "Clean");
        else
            BOOST_TEST(verdict.text() == "550 5.7.1 virus found: V");
    }
}

BOOST_DATA_TEST_CASE(a_message_without_headers_and_body_is_answered_in_each_version,
                     boost::unit_test::data::xrange(2, 7), version) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker, Offer::of_version(static_cast<std::uint32_t>(version)));
    for (int i = 0; i < 2; ++i) {
        client->mail();
        client->rcpt();
        if (version >= 4) client->data();
        BOOST_TEST(finish(*client, scanners).status() == "Clean");
    }
}

BOOST_AUTO_TEST_CASE(a_message_with_headers_but_no_end_of_headers_is_answered) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    client->mail();
    client->rcpt();
    client->data();
    client->header("Subject", "x");
    BOOST_TEST(finish(*client, scanners).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(an_mta_that_cannot_quarantine_gets_a_tempfail_and_one_that_can_quarantines) {
    SessionWorker worker([](config::Config& config) { config.actions.infected = config::Action::quarantine; });
    auto scanners = worker.generation(1);
    auto with = ready_for_mail(worker);
    with->upload(kMail);
    BOOST_TEST(finish(*with, scanners, ScanOutcome::infected).quarantined());
    Offer without;
    without.actions = 0x1f;
    auto client = ready_for_mail(worker, without);
    client->upload(kMail);
    BOOST_TEST(finish(*client, scanners, ScanOutcome::infected).text().starts_with("4"));
}

// QUIT_NC at every point: after a refused message, in mid-message, before any.
BOOST_DATA_TEST_CASE(quit_nc_begins_a_new_smtp_session_wherever_it_comes, boost::unit_test::data::xrange(6), point) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = worker.connect();
    if (point > 0) client->connect();
    if (point > 1) client->helo();
    if (point > 2) client->mail();
    if (point > 3) {
        client->rcpt();
        client->data();
        client->header("Subject", "given up");
    }
    if (point > 4) {
        client->end_of_headers();
        (void)finish(*client, scanners, ScanOutcome::infected);
    }
    client->quit_nc();
    client->connect();
    client->helo();
    client->upload(kMail);
    BOOST_TEST(finish(*client, scanners).status() == "Clean");
    client->quit();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
}

BOOST_DATA_TEST_CASE(a_client_that_sends_single_bytes_is_served, boost::unit_test::data::make({false, true}), inet) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = worker.hand_over(inet);
    client->negotiate();
    const auto by_bytes = [&](const std::string& bytes) {
        for (const char one : bytes) client->send_raw(std::string(1, one));
    };
    using namespace std::string_literals;
    by_bytes(packet('C', "host\0"s + '4' + "\0\0"s + "192.0.2.1\0"s));
    BOOST_TEST(client->receive().command == 'c');
    by_bytes(packet('H', "name\0"s));
    BOOST_TEST(client->receive().command == 'c');
    by_bytes(packet('M', "<a@example.org>\0"s));
    BOOST_TEST(client->receive().command == 'c');
    by_bytes(packet('R', "<b@example.org>\0"s));
    BOOST_TEST(client->receive().command == 'c');
    // More one-byte pieces than an AF_UNIX buffer holds.
    by_bytes(packet('L', "Subject\0"s + std::string(3000, 'x') + "\0"s));
    by_bytes(packet('N'));
    by_bytes(packet('E'));
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
}

BOOST_DATA_TEST_CASE(a_large_body_arrives_byte_for_byte, boost::unit_test::data::make({false, true}), inet) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = worker.hand_over(inet);
    client->open();
    const std::string body = noise(8'000'000, 1);
    client->upload("Subject: large\r\n\r\n" + body);
    client->send('E');
    auto job = scanners.take();
    BOOST_TEST(FakeScanners::content(job).ends_with(body));
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
}

// Headers and body are answered only if the MTA waits for that.
BOOST_DATA_TEST_CASE(packets_in_one_write_are_all_answered, boost::unit_test::data::make({false, true}), waits) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    Offer offer;
    if (waits) offer.protocol &= ~(kNoReplyHeader | kNoReplyEndOfHeaders | kNoReplyBody);
    auto client = ready_for_mail(worker, offer);
    using namespace std::string_literals;
    client->send_raw(packet('M', "<a@b.c>\0"s) + packet('R', "<d@e.f>\0"s) + packet('T') + packet('L', "A\0b\0"s) +
                     packet('N') + packet('B', "x\r\n") + packet('E'));
    for (int i = 0; i < (waits ? 6 : 3); ++i) BOOST_TEST(client->receive().command == 'c');
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(whoever_goes_in_mid_packet_ends_only_its_session) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto other = ready_for_mail(worker);
    for (const bool half : {false, true}) {
        auto client = ready_for_mail(worker);
        client->send_raw(packet('M', "<a@b.c>").substr(0, 7));
        if (half)
            (void)::shutdown(client->fd(), SHUT_WR);
        else
            client->close();
        BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
    }
    auto reset = worker.hand_over(true);
    reset->open();
    reset->reset();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
    other->upload(kMail);
    BOOST_TEST(finish(*other, scanners).status() == "Clean");
}

// libmilter would drop such a command without an answer, and the MTA would take the answer to its next command for this
// one's.
BOOST_AUTO_TEST_CASE(a_command_out_of_order_ends_its_session_and_is_not_skipped) {
    using namespace std::string_literals;
    const auto as_packet = [](char command) {
        switch (command) {
            case 'O':
                return packet('O', "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"s);
            case 'C':
                return packet('C', "host\0"s + 'U');
            case 'L':
                return packet('L', "A\0b\0"s);
            case 'H':
            case 'M':
            case 'R':
                return packet(command, "<a@b.c>\0"s);
            case 'B':
                return packet('B', "x\r\n");
            default:
                return packet(command);
        }
    };
    struct Row {
        std::string commands;
        std::size_t answers;
    };
    const Row rows[] = {{"CC", 1},     {"CHO", 2},     {"CHR", 2},    {"CHE", 2},      {"CHME", 3},   {"CHMRTT", 5},
                        {"CHMRTR", 5}, {"CHMRTNL", 5}, {"CHMRAR", 4}, {"CHMRTLAE", 5}, {"CHMRTKE", 5}};
    SessionWorker worker;
    auto scanners = worker.generation(1);
    for (const bool at_once : {false, true})
        for (const Row& row : rows) {
            BOOST_TEST_CONTEXT(row.commands << (at_once ? ", at once" : "")) {
                auto client = worker.connect();
                std::string all;
                for (const char command : row.commands) all += as_packet(command);
                std::string after;
                for (const char command : "HMRTNBE"s) after += as_packet(command);
                std::size_t answers = 0;
                try {
                    client->send_raw(at_once ? all + after : all);
                    for (;;) {
                        BOOST_TEST(client->receive().command == 'c');
                        ++answers;
                    }
                } catch (const ConnectionEnded&) {
                }
                BOOST_TEST(answers == row.answers);
                BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
            }
        }
    BOOST_TEST(!scanners.job_waits());
}

BOOST_AUTO_TEST_CASE(after_a_mail_that_was_refused_no_answer_belongs_to_another_command) {
    using namespace std::string_literals;
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    worker.send(messages::DrainSessions{true, 0});
    wait_until("MAIL is refused", [&] {
        const Reply reply = client->mail();
        if (reply.command == 'c') client->abort();
        return reply.command == 'y';
    });
    const std::string mail = packet('M', "<a@b.c>\0"s);
    client->send_raw(mail + packet('R', "<d@e.f>\0"s) + packet('T') + packet('N') + packet('E') + mail + mail);
    BOOST_TEST(client->receive().command == 'y');
    BOOST_CHECK_THROW((void)client->receive(), ConnectionEnded);
}

BOOST_AUTO_TEST_CASE(a_packet_of_absurd_length_ends_the_session) {
    SessionWorker worker;
    auto client = ready_for_mail(worker);
    client->send_raw(std::string("\x7f\xff\xff\xffM", 5));
    client->wait_closed();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
}

// The urgent byte is neither lost nor an event that never ends.
BOOST_AUTO_TEST_CASE(urgent_data_costs_nothing) {
    SessionWorker worker;
    auto client = worker.hand_over(true);
    client->negotiate();
    BOOST_TEST(::send(client->fd(), "\0", 1, MSG_OOB) == 1);
    auto other = ready_for_mail(worker);
    const auto before = process(worker.pid())->cpu_ticks;
    for (int i = 0; i < 50; ++i) {
        other->mail();
        other->abort();
    }
    BOOST_TEST(process(worker.pid())->cpu_ticks - before < 50);
    BOOST_TEST(!worker.has_come<messages::SessionEnded>());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::test
