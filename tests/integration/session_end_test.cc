// A session that ends badly leaves one line that says why, in which stage, and how much of a message had come.
#include <boost/test/unit_test.hpp>
#include <functional>
#include <sstream>
#include <vector>

#include "tests/integration/session_worker.h"
#include "tests/support/waiting.h"

using namespace evermilter;
using namespace evermilter::test;
using namespace std::string_literals;

namespace {

std::vector<std::string> lines_of(const SessionWorker& worker, const std::string& words) {
    std::vector<std::string> found;
    std::istringstream lines(worker.log());
    for (std::string line; std::getline(lines, line);)
        if (line.find(words) != std::string::npos) found.push_back(line);
    return found;
}

struct Ending {
    const char* name;
    std::function<void(MilterClient&)> act; // after HELO
    std::vector<std::string> words;
};

void upload_begun(MilterClient& client) {
    client.mail();
    client.rcpt();
    client.data();
    client.header("Subject", " one");
    client.end_of_headers();
    client.body(std::string(1000, 'x'));
}

const Ending kEndings[] = {
    {"end of connection between messages",
     [](MilterClient& client) { client.close(); },
     {"reason=\"the mail server closed the connection\"", "stage=mail", "bytes=0"}},
    {"end of connection after MAIL",
     [](MilterClient& client) {
         client.mail();
         client.close();
     },
     {"reason=\"the mail server closed the connection\"", "stage=rcpt", "bytes=0", "queue_id=4TestQueueId",
      "from=<sender@example.org>"}},
    {"end of connection in the body",
     [](MilterClient& client) {
         upload_begun(client);
         client.close();
     },
     {"reason=\"the mail server closed the connection\"", "stage=body", "bytes=1014", "queue_id=4TestQueueId"}},
    {"end of connection in a packet",
     [](MilterClient& client) {
         upload_begun(client);
         client.send_raw("\0\0\1"s);
         client.close();
     },
     {"reason=\"the mail server closed the connection\"", "stage=body"}},
    {"a header that is too long",
     [](MilterClient& client) {
         client.mail();
         client.rcpt();
         client.data();
         client.header("X-Long", ' ' + std::string(70'000, 'x'));
         client.wait_closed();
     },
     {"reason=\"header packet of 70010 bytes, more than the 65535 of libmilter\"", "stage=data"}},
    {"an address that is none",
     [](MilterClient& client) {
         client.send('M', "<without@an.end>");
         client.wait_closed();
     },
     {"reason=\"MAIL packet of 17 bytes that libmilter cannot parse\"", "stage=mail"}},
    {"a recipient that is none",
     [](MilterClient& client) {
         client.mail();
         client.send('R', "<without@an.end>");
         client.wait_closed();
     },
     {"reason=\"RCPT packet of 17 bytes that libmilter cannot parse\"", "stage=rcpt", "from=<sender@example.org>"}},
    {"a packet that is none",
     [](MilterClient& client) {
         client.send('!', "what");
         client.wait_closed();
     },
     {"reason=\"unknown packet of 5 bytes that libmilter cannot parse\"", "stage=mail"}},
    {"an upload that is aborted",
     [](MilterClient& client) {
         upload_begun(client);
         client.abort();
         client.quit();
     },
     {"reason=\"the mail server aborted a message\"", "stage=body", "bytes=1014", "queue_id=4TestQueueId"}},
    {"QUIT within a message",
     [](MilterClient& client) {
         upload_begun(client);
         client.quit();
     },
     {"reason=\"QUIT within a message\"", "stage=body", "bytes=1014"}},
    {"a command out of order",
     [](MilterClient& client) {
         client.send('R', "<b@example.org>\0"s);
         client.wait_closed();
     },
     {"reason=\"a command that libmilter would not answer\"", "stage=mail"}},
};

} // namespace

BOOST_AUTO_TEST_SUITE(session_end)

BOOST_AUTO_TEST_CASE(each_bad_end_has_one_line_with_its_reason) {
    SessionWorker worker([](config::Config& config) { config.log.level = config::LogLevel::info; });
    for (const Ending& ending : kEndings) {
        BOOST_TEST_CONTEXT(ending.name) {
            auto client = worker.connect();
            client->connect();
            client->helo();
            ending.act(*client);
            BOOST_TEST(worker.expect<messages::SessionEnded>().session == worker.last_session());
            const auto ends = lines_of(worker, "event=session-ended ");
            const std::string session = " session=" + std::to_string(worker.last_session()) + ' ';
            std::vector<std::string> own;
            for (const std::string& line : ends)
                if (line.find(session) != std::string::npos) own.push_back(line);
            BOOST_REQUIRE(own.size() == 1U);
            for (const std::string& words : ending.words)
                BOOST_TEST(own.front().find(words) != std::string::npos, words << " in " << own.front());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_stage_s_budget_is_the_reason_of_the_end_that_it_makes) {
    SessionWorker worker([](config::Config& config) { config.timeouts.rcpt = std::chrono::milliseconds(100); });
    auto client = worker.connect();
    client->connect();
    client->helo();
    client->mail();
    client->wait_closed();
    (void)worker.expect<messages::SessionEnded>();
    const auto ends = lines_of(worker, "event=session-ended ");
    BOOST_REQUIRE(!ends.empty());
    BOOST_TEST(ends.back().find("reason=timeouts.rcpt stage=rcpt") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_libmilter_says_of_a_session_is_in_our_log) {
    SessionWorker worker;
    auto client = worker.connect();
    client->send('C',
                 "client.example\0"
                 "4\0\x19not an address\0"s);
    client->wait_closed();
    (void)worker.expect<messages::SessionEnded>();
    const auto said = lines_of(worker, "event=libmilter ");
    BOOST_REQUIRE(said.size() == 1U);
    BOOST_TEST(said.front().find("inet_aton failed") != std::string::npos, said.front());
}

BOOST_AUTO_TEST_CASE(a_good_end_is_told_to_who_debugs_only) {
    for (const config::LogLevel level : {config::LogLevel::info, config::LogLevel::debug}) {
        SessionWorker worker([&](config::Config& config) { config.log.level = level; });
        auto scanners = worker.generation(1);
        auto client = worker.connect();
        client->connect();
        client->helo();
        // A recipient that was refused, and then a whole message.
        client->mail();
        client->abort();
        client->upload("Subject: one\r\n\r\nHello.\r\n");
        client->send('E');
        FakeScanners::answer(scanners.take(), messages::ScanOutcome::clean);
        (void)client->receive_verdict();
        client->quit();
        (void)worker.expect<messages::SessionEnded>();
        const auto ends = lines_of(worker, " peer=192.0.2.1:4711");
        std::size_t told = 0;
        for (const std::string& line : ends) told += line.starts_with("event=session-ended ") ? 1U : 0U;
        BOOST_TEST(told == (level == config::LogLevel::debug ? 1U : 0U));
        BOOST_TEST(lines_of(worker, "event=message ").size() == 1U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
