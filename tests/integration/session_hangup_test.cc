// A mail server that hangs up while its message waits for a scanner: the message gives up its place at once.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
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

BOOST_AUTO_TEST_SUITE(session_hangup)

// How far the message has come: to no generation, into the queue, to a scanner.
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
    BOOST_TEST(worker.board().messages.at(static_cast<std::size_t>(Disposition::clean)).load() == 0U);
}

BOOST_AUTO_TEST_CASE(the_places_of_messages_that_were_given_up_are_free_for_others) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    // As many as the worker lets into the queue, and one that waits for its turn.
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

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::test
