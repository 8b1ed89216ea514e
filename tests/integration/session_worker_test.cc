// A real session worker with a supervisor and scanners that the test plays: messages, concurrency, stages.
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

const std::string kMail = "Subject: one\r\nFrom: a@example.org\r\n\r\nHello.\r\n";

std::unique_ptr<MilterClient> ready_for_mail(SessionWorker& worker) {
    auto client = worker.connect();
    client->connect();
    client->helo();
    return client;
}

// Sends the end of message and does not wait for the answer.
void send_end(MilterClient& client) {
    client.send('E');
}

BOOST_AUTO_TEST_SUITE(session_worker)

BOOST_AUTO_TEST_CASE(a_clean_message_is_scanned_whole_and_stamped) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    client->upload(kMail);
    send_end(*client);
    auto job = scanners.take();
    const std::string seen = FakeScanners::content(job);
    BOOST_TEST(seen.find("Subject: one\r\nFrom: a@example.org\r\n\r\nHello.\r\n") != std::string::npos);
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    const Verdict verdict = client->receive_verdict();
    BOOST_TEST((verdict.reply.command == 'c' || verdict.reply.command == 'a'));
    BOOST_TEST(verdict.status() == "Clean");
    client->quit();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
}

BOOST_AUTO_TEST_CASE(an_infected_message_is_refused_with_the_virus_named_and_counted_once) {
    SessionWorker worker;
    auto scanners = worker.generation(7);
    auto client = ready_for_mail(worker);
    client->upload(kMail);
    send_end(*client);
    FakeScanners::answer(scanners.take(), ScanOutcome::infected, "Eicar-Test 100%");
    BOOST_TEST(client->receive_verdict().text() == "550 5.7.1 virus found: Eicar-Test 100%");
    const auto detection = worker.expect<messages::Detection>();
    BOOST_TEST(detection.virus == "Eicar-Test 100%");
    BOOST_TEST(detection.generation == 7);
    BOOST_TEST(
        worker.log().find("Message from <sender@example.org> to <recipient@example.org> infected by Eicar-Test 100%") !=
        std::string::npos);
    BOOST_TEST(!worker.has_come<messages::Detection>());
}

BOOST_AUTO_TEST_CASE(a_message_without_headers_and_body_is_answered_and_stamped) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    client->mail();
    client->rcpt();
    client->data();
    send_end(*client);
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(thirty_two_ends_of_message_wait_for_no_other_and_hold_up_nobody) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto other = worker.connect();
    other->connect();
    std::vector<std::unique_ptr<MilterClient>> clients;
    for (int i = 0; i < 32; ++i) {
        clients.push_back(ready_for_mail(worker));
        clients.back()->upload(kMail);
    }
    for (auto& client : clients) send_end(*client);
    // All messages are being scanned at once, before any is answered.
    std::vector<messages::ScanJob> jobs;
    while (jobs.size() < clients.size()) jobs.push_back(scanners.take());
    // Meanwhile another session and a new one are served.
    BOOST_TEST(other->helo().command == 'c');
    auto late = ready_for_mail(worker);
    BOOST_TEST(late->mail().command == 'c');
    for (auto& client : clients) BOOST_TEST(!client->readable());
    for (auto& job : jobs) FakeScanners::answer(std::move(job), ScanOutcome::clean);
    for (auto& client : clients) BOOST_TEST(client->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(many_messages_and_a_reset_in_the_middle_go_over_one_connection) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    for (int i = 0; i < 3; ++i) {
        client->mail();
        client->rcpt();
        client->data();
        client->header("Subject", "given up");
        client->abort();
        client->upload(kMail);
        send_end(*client);
        auto job = scanners.take();
        BOOST_TEST(FakeScanners::content(job).find("given up") == std::string::npos);
        FakeScanners::answer(std::move(job), ScanOutcome::infected, "V");
        BOOST_TEST(client->receive_verdict().text() == "550 5.7.1 virus found: V");
    }
}

BOOST_AUTO_TEST_CASE(after_quit_nc_a_new_smtp_session_is_served_on_the_same_connection) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    client->upload(kMail);
    send_end(*client);
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    (void)client->receive_verdict();
    client->quit_nc();
    worker.wait_stage(1, Stage::connect);
    client->connect();
    client->helo();
    client->upload(kMail);
    send_end(*client);
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
    BOOST_TEST(!worker.has_come<messages::SessionEnded>());
    client->quit();
    (void)worker.expect<messages::SessionEnded>();
}

BOOST_AUTO_TEST_CASE(every_stage_is_shown_on_the_scoreboard) {
    SessionWorker worker;
    auto scanners = worker.generation(3);
    auto client = worker.connect();
    worker.wait_stage(1, Stage::connect);
    client->connect();
    worker.wait_stage(1, Stage::helo);
    client->helo();
    worker.wait_stage(1, Stage::mail);
    client->mail();
    worker.wait_stage(1, Stage::rcpt);
    client->rcpt();
    worker.wait_stage(1, Stage::rcpt);
    client->data();
    worker.wait_stage(1, Stage::data);
    client->header("Subject", "x");
    worker.wait_stage(1, Stage::header);
    client->end_of_headers();
    worker.wait_stage(1, Stage::body);
    client->body("x\r\n");
    worker.wait_stage(1, Stage::body);
    send_end(*client);
    auto job = scanners.take();
    worker.wait_stage(1, Stage::eom);
    BOOST_TEST(worker.slot(1).get_queue_id() == "4TestQueueId");
    BOOST_TEST(worker.slot(1).generation.load() == 3);
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    (void)client->receive_verdict();
    worker.wait_stage(1, Stage::mail);
    BOOST_TEST(worker.counters().get("messages", Disposition::clean) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::test
