// The end of a message takes bounded time, whatever the message brings and whatever the mail server does with our
// answer. The log line is written after the answer.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "tests/integration/session_worker.h"
#include "tests/support/waiting.h"

using namespace evermilter;
using namespace evermilter::test;
using messages::ScanOutcome;

namespace {

std::unique_ptr<MilterClient> ready_for_mail(SessionWorker& worker) {
    auto client = worker.connect();
    client->connect();
    client->helo();
    return client;
}

// Sends a message with this many forged fields, up to its end.
void upload_forged(MilterClient& client, std::size_t count, const std::string& name = "X-Virus-Status") {
    client.mail();
    client.rcpt();
    client.data();
    for (std::size_t i = 0; i < count; ++i) client.header(name, " Clean");
    client.header("Subject", " one");
    client.end_of_headers();
    client.body("Hello.\r\n");
}

std::string line_of(const SessionWorker& worker, const std::string& words) {
    std::string found;
    wait_until(words + " in the log", [&] {
        std::istringstream lines(worker.log());
        for (std::string line; std::getline(lines, line);)
            if (line.find(words) != std::string::npos) found = line;
        return !found.empty();
    });
    return found;
}

std::size_t removals(const Verdict& verdict) {
    std::size_t count = 0;
    for (const Modification& change : verdict.modifications) count += change.command == 'm' ? 1U : 0U;
    return count;
}

} // namespace

BOOST_AUTO_TEST_SUITE(session_answer)

BOOST_AUTO_TEST_CASE(as_many_forged_fields_as_allowed_are_removed_and_more_are_refused) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    for (const auto& [count, name] : {std::pair{100, "X-Virus-Status"}, std::pair{101, "X-Virus-Status"},
                                      std::pair{101, "x-VIRUS-scanned"}, std::pair{101, "X-Virus-Status \t"}}) {
        upload_forged(*client, static_cast<std::size_t>(count), name);
        client->send('E');
        FakeScanners::answer(scanners.take(), ScanOutcome::clean);
        const Verdict verdict = client->receive_verdict();
        if (count <= 100) {
            BOOST_TEST(verdict.status() == "Clean");
            BOOST_TEST(removals(verdict) == 100U);
        } else {
            BOOST_TEST(verdict.text() ==
                       "550 5.7.1 message has too many forged X-Virus-Status and X-Virus-Scanned fields");
            BOOST_TEST(verdict.modifications.empty());
        }
    }
    const std::string line = line_of(worker, "forged=101");
    BOOST_TEST(line.find("action=reject") != std::string::npos);
    BOOST_TEST(line.find("verdict=clean") != std::string::npos);
    BOOST_TEST(worker.counters().get("messages.forged") == 3U);
}

BOOST_AUTO_TEST_CASE(hundreds_of_thousands_of_forged_fields_cost_no_operations_and_hide_no_virus) {
    SessionWorker worker([](config::Config& config) { config.actions.forged = config::Action::accept; });
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    for (const ScanOutcome outcome : {ScanOutcome::clean, ScanOutcome::infected}) {
        upload_forged(*client, 200'000);
        client->send('E');
        FakeScanners::answer(scanners.take(), outcome, outcome == ScanOutcome::infected ? "Some.Virus" : "");
        const Verdict verdict = client->receive_verdict();
        BOOST_TEST(removals(verdict) == 0U);
        BOOST_TEST(verdict.text() ==
                   (outcome == ScanOutcome::infected ? "550 5.7.1 virus found: Some.Virus" : "accept"));
        BOOST_TEST(verdict.status() == (outcome == ScanOutcome::infected ? "" : "Clean"));
    }
    BOOST_TEST(line_of(worker, "forged=200000").find("action=accept") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(quarantine_is_negotiated_where_forged_fields_alone_want_it) {
    SessionWorker worker([](config::Config& config) { config.actions.forged = config::Action::quarantine; });
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    upload_forged(*client, 101);
    client->send('E');
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    const Verdict verdict = client->receive_verdict();
    BOOST_TEST(verdict.text() == "accept");
    BOOST_TEST(verdict.quarantined());
    BOOST_TEST(verdict.status() == "Clean");
}

BOOST_AUTO_TEST_CASE(where_no_field_is_to_be_removed_any_number_may_come) {
    SessionWorker worker([](config::Config& config) { config.headers.add = config::HeaderMode::add; });
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    upload_forged(*client, 2000);
    client->send('E');
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
    BOOST_TEST(worker.counters().get("messages.forged") == 0U);
}

BOOST_AUTO_TEST_CASE(the_message_s_line_has_the_verdict_first_and_is_short_whatever_its_envelope) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    const std::string longest(250, 'r');
    Envelope envelope;
    envelope.sender = '<' + std::string(60'000, 's') + "@example.org>";
    envelope.queue_id = std::string(5000, 'q');
    envelope.recipients.clear();
    for (int i = 0; i < 2000; ++i) envelope.recipients.push_back('<' + longest + std::to_string(i) + "@example.org>");
    client->upload("Subject: one\r\n\r\nHello.\r\n", envelope);
    client->send('E');
    FakeScanners::answer(scanners.take(), ScanOutcome::infected, std::string(3000, 'v'));
    BOOST_TEST(client->receive_verdict().text().starts_with("550 5.7.1 virus found: vvv"));
    const std::string line = line_of(worker, "event=message ");
    BOOST_TEST(line.size() < 2000U);
    BOOST_TEST(line.find(" action=reject verdict=infected finding=infected detail=vvv") < 60U);
    BOOST_TEST(line.find(" recipients=2000 ") != std::string::npos);
    const std::string logwatch = line_of(worker, " infected by ");
    BOOST_TEST(logwatch.size() < 2000U);
    BOOST_TEST(logwatch.starts_with("Message from <sss"));
    BOOST_TEST(logwatch.find(" infected by vvv") != std::string::npos);
    std::istringstream lines(worker.log());
    for (std::string one; std::getline(lines, one);) BOOST_TEST(one.size() < 2048U);
}

BOOST_DATA_TEST_CASE(the_message_s_line_says_that_its_answer_was_not_written,
                     boost::unit_test::data::make({false, true}), inet) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = worker.hand_over(inet);
    client->open();
    upload_forged(*client, 0);
    client->send('E');
    const messages::ScanJob taken = scanners.take();
    client->close();
    const std::string line = line_of(worker, "event=message ");
    BOOST_TEST(line.find(" answer=not-written ") != std::string::npos, line);

    client = worker.hand_over(inet);
    client->open();
    upload_forged(*client, 0);
    client->send('E');
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
    const std::string session = " session=" + std::to_string(worker.last_session()) + ' ';
    std::string written;
    wait_until("the second message's line", [&] {
        written = line_of(worker, "event=message ");
        return written.find(session) != std::string::npos;
    });
    BOOST_TEST(written.find(" answer=") == std::string::npos, written);
}

BOOST_AUTO_TEST_CASE(a_mail_server_that_reads_no_answer_is_told_from_one_that_hangs_up) {
    SessionWorker worker([](config::Config& config) {
        config.headers.max_forged = 1000; // more operations than a unix socket holds
        config.timeouts.packet = std::chrono::milliseconds(200);
    });
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    upload_forged(*client, 1000);
    client->send('E');
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
    const std::string end = line_of(worker, "event=session-ended ");
    BOOST_TEST(end.find("reason=\"the mail server reads no answers\" stage=eom") != std::string::npos, end);
    BOOST_TEST(line_of(worker, "event=message ").find(" answer=not-written ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_further_smtp_session_is_not_begun_by_a_worker_that_is_to_end) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    worker.send(messages::DrainSessions{});
    wait_until("the drain", [&] { return worker.log().find("draining") != std::string::npos; });
    // The message that has begun is finished.
    client->upload("Subject: one\r\n\r\nHello.\r\n");
    client->send('E');
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
    client->quit_nc();
    client->wait_closed();
    BOOST_TEST(worker.wait_end() == 0);
}

BOOST_AUTO_TEST_CASE(a_further_smtp_session_is_not_begun_past_the_session_budget) {
    SessionWorker worker([](config::Config& config) { config.timeouts.session = std::chrono::milliseconds(100); });
    auto client = ready_for_mail(worker);
    wait_until("the budget's end", [&] { return worker.timed_out(Timeout::session) == 1U; });
    client->quit_nc();
    client->wait_closed();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
}

BOOST_AUTO_TEST_SUITE_END()
