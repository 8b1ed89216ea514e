// A mail server that hangs up while its message waits for a scanner: the message gives up its place at once. A mail
// server that does not read: it costs a thread for timeouts.packet.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/session_worker.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

std::unique_ptr<MilterClient> at_end_of_message(SessionWorker& worker, bool inet) {
    auto client = worker.hand_over(inet);
    client->open();
    client->upload("Subject: one\r\n\r\nHello.\r\n");
    client->send('E');
    return client;
}

std::string packet(char command, std::string_view data = {}) {
    const auto length = static_cast<std::uint32_t>(data.size() + 1);
    std::string bytes;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(length >> shift & 0xffU);
    return (bytes += command).append(data);
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

const std::string kMail = packet('M', std::string_view("<sender@example.org>\0", 21));
const std::string kRcpt = packet('R', std::string_view("<recipient@example.org>\0", 24));

void short_packets(config::Config& config) {
    config.timeouts.packet = std::chrono::milliseconds(300);
}

// A session in which each command is answered, with five bytes.
std::unique_ptr<MilterClient> answered_always(SessionWorker& worker) {
    Offer offer;
    offer.protocol = 0;
    auto client = worker.hand_over();
    client->open(offer);
    return client;
}

// Sends commands with far more answers than a socket holds, and reads no answer until the session has ended. Returns
// how many answers there are.
std::size_t answers_that_fit(SessionWorker& worker) {
    auto client = answered_always(worker);
    client->send_raw(kMail + repeated(kRcpt, 3000));
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
    std::size_t count = 0;
    try {
        for (;; ++count) (void)client->receive();
    } catch (const ConnectionEnded&) {
        return count;
    }
}

BOOST_AUTO_TEST_SUITE(session_hangup)

// How far the message has come: no generation, into the queue, to a scanner.
BOOST_DATA_TEST_CASE(a_message_whose_mail_server_has_hung_up_is_given_up,
                     boost::unit_test::data::make({0, 1, 2}) * boost::unit_test::data::make({false, true}), reached,
                     inet) {
    SessionWorker worker;
    std::unique_ptr<FakeScanners> scanners;
    if (reached > 0) scanners = std::make_unique<FakeScanners>(worker.generation(1));
    auto client = at_end_of_message(worker, inet);
    messages::ScanJob job;
    if (reached == 0) worker.wait_stage(1, Stage::eom);
    if (reached == 1) job = scanners->receive();
    if (reached == 2) job = scanners->take();
    client->close();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
    BOOST_TEST(worker.log().find("finding=cancelled") != std::string::npos);
    BOOST_TEST(worker.counters().get("messages", Disposition::clean) == 0U);
}

BOOST_AUTO_TEST_CASE(the_places_of_messages_that_were_given_up_are_free_for_others) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    // As many messages as the worker lets into the queue, and one that waits for its turn.
    std::vector<std::unique_ptr<MilterClient>> gone;
    std::vector<messages::ScanJob> jobs;
    for (int i = 0; i < 4; ++i) {
        gone.push_back(at_end_of_message(worker, false));
        jobs.push_back(scanners.receive());
    }
    auto waiting = at_end_of_message(worker, false);
    worker.wait_stage(worker.last_session(), Stage::eom);
    gone.clear();
    FakeScanners::answer(scanners.take(), messages::ScanOutcome::clean);
    BOOST_TEST(waiting->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_mail_server_that_reads_no_answer_is_cut_and_the_others_are_served_meanwhile) {
    SessionWorker worker(short_packets);
    auto scanners = worker.generation(1);
    auto other = worker.connect();
    const std::size_t fit = answers_that_fit(worker);
    BOOST_TEST(fit > 10U);
    BOOST_TEST(fit < 3000U);
    other->upload("Subject: one\r\n\r\nHello.\r\n");
    other->send('E');
    FakeScanners::answer(scanners.take(), messages::ScanOutcome::clean);
    BOOST_TEST(other->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_mail_server_that_does_not_read_the_progress_of_a_scan_gives_up_its_message) {
    SessionWorker worker([](config::Config& config) {
        short_packets(config);
        config.timeouts.eom = std::chrono::seconds(240); // longer than a test waits
        config.scanner.max_scan_time = std::chrono::seconds(200);
    });
    auto scanners = worker.generation(1);
    const std::size_t fit = answers_that_fit(worker);
    auto client = answered_always(worker);
    // As many answers as the socket holds: for MAIL, DATA, header, end of headers, body, and recipients.
    client->send_raw(kMail + repeated(kRcpt, fit - 5) + packet('T') +
                     packet('L', std::string_view("Subject\0 one\0", 13)) + packet('N') + packet('B', "Hello.\r\n") +
                     packet('E'));
    const messages::ScanJob job = scanners.take(); // never answered
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
    BOOST_TEST(worker.log().find("finding=cancelled") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_mail_server_that_does_not_read_what_is_done_to_its_message_is_cut_at_the_end_of_the_budget) {
    SessionWorker worker([](config::Config& config) {
        config.timeouts.packet = std::chrono::minutes(10); // longer than a test waits
        config.timeouts.data = std::chrono::seconds(2);    // the stage in which recipients wait if no DATA comes
        config.timeouts.eom = std::chrono::seconds(9);
        config.scanner.queue_timeout = std::chrono::milliseconds(200);
        config.scanner.max_scan_time = std::chrono::seconds(1);
    });
    auto scanners = worker.generation(1);
    const std::size_t fit = answers_that_fit(worker);
    auto client = answered_always(worker);
    std::string forged;
    for (int i = 0; i < 50; ++i) forged += packet('L', std::string_view("X-Virus-Status\0 Clean\0", 22));
    client->send_raw(kMail + repeated(kRcpt, fit - 60) + packet('T') + forged + packet('N') +
                     packet('B', "Hello.\r\n") + packet('E'));
    FakeScanners::answer(scanners.take(), messages::ScanOutcome::clean);
    worker.send(messages::DrainSessions{});
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
    BOOST_TEST(worker.timed_out(Stage::eom) == 1U);
    BOOST_TEST(worker.log().find("reason=timeouts.eom") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::test
