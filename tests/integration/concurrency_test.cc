// Sessions of one worker do not wait for one another, whatever each of them waits for. The tests show it by the order
// of events: scanners are stopped while they scan, and sessions that must not wait for them are answered meanwhile.
#include <csignal>

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/support/capture.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;

namespace {

constexpr unsigned kAtOnce = 32;

} // namespace

BOOST_AUTO_TEST_SUITE(concurrency_test)

BOOST_AUTO_TEST_CASE(thirty_two_ends_of_message_at_once_in_one_worker_do_not_wait_for_one_another_nor_others_for_them) {
    Service service(Keys{{"workers.session_min", "1"},
                         {"workers.session_max", "1"},
                         {"scanner.processes", std::to_string(kAtOnce)},
                         {"scanner.queue_timeout", "\"20s\""},
                         {"scanner.max_scan_time", "\"200s\""},
                         {"scanner.pcre_match_limit", "4000000000"},
                         {"scanner.pcre_rec_match_limit", "1000000"},
                         {"timeouts.eom", "\"4m\""}});
    write_slow_database(service.database());
    service.start();
    BOOST_REQUIRE(service.pids("session").size() == 1);
    const std::vector<pid_t> scanners = service.pids("scanner");
    BOOST_REQUIRE(scanners.size() == kAtOnce);

    std::vector<MilterClient> clients;
    for (unsigned number = 0; number < kAtOnce; ++number) {
        clients.push_back(service.session());
        // Half a second of CPU time each; every message differs, so that libclamav's cache cannot answer.
        const std::string name = "message " + std::to_string(number) + " ";
        BOOST_REQUIRE(clients.back().upload(ordinary_headers(name) + "\r\n" + name + slow_text(23) + "\r\n").command ==
                      'c');
    }
    MilterClient greeted = service.client();
    greeted.negotiate();
    greeted.connect();

    for (MilterClient& client : clients) client.send('E');
    // Each scanner is stopped as soon as it is seen scanning twice: it has said Taken by then.
    std::set<pid_t> seen;
    std::set<pid_t> stopped;
    service.wait_status("every scanner scans", [&](const nlohmann::json& status) {
        for (const auto& scanner : status.at("generations").at(0).at("scanners")) {
            const pid_t pid = scanner.at("pid").get<pid_t>();
            if (scanner.at("scans_running") == 0 || seen.insert(pid).second) continue;
            if (stopped.insert(pid).second) kill(pid, SIGSTOP);
        }
        return stopped.size() == kAtOnce;
    });
    for (const pid_t scanner : scanners) stop_process(scanner); // waits until it is stopped

    // No session can get a verdict now. Other sessions of the same worker are served all the same.
    BOOST_TEST(service.status().at("messages").at("clean") == 0, "the scans were too short for this test");
    BOOST_TEST(greeted.helo().command == 'c');
    MilterClient fresh = service.session();
    BOOST_TEST(fresh.mail().command == 'c');
    BOOST_TEST(fresh.rcpt().command == 'c');

    // One scanner goes on: its message is answered, whichever that is, and no other.
    continue_process(scanners.front());
    const nlohmann::json status =
        service.wait_status("the message of the scanner that goes on is answered",
                            [](const nlohmann::json& now) { return now.at("messages").at("clean").get<int>() >= 1; });
    BOOST_TEST(status.at("messages").at("clean") == 1);
    BOOST_TEST(fresh.data().command == 'c');

    for (const pid_t scanner : scanners) continue_process(scanner);
    for (MilterClient& client : clients) {
        const Verdict verdict = client.receive_verdict();
        BOOST_TEST(verdict.text() == "accept");
        BOOST_TEST(verdict.status() == "Clean");
    }
    BOOST_TEST(service.pids("session").size() == 1);
}

BOOST_AUTO_TEST_CASE(a_message_that_waits_long_is_kept_alive_by_progress) {
    // Sendmail gives up a milter that sends nothing for 10 s.
    Service service({{"scanner.processes", "1"},
                     {"scanner.pcre_match_limit", "4000000000"},
                     {"scanner.pcre_rec_match_limit", "1000000"}});
    write_slow_database(service.database());
    service.start();
    // The only scanner is busy with another message; an idle one would be replaced.
    MilterClient before = service.session();
    before.upload(ordinary_headers("before") + "\r\nslow one " + slow_text(23) + "\r\n");
    before.send('E');
    const pid_t scanner = wait_taken(service, "slow one");
    MilterClient client = service.session();
    client.upload(clean_mail());
    {
        const Stopped stopped({scanner});
        client.send('E');
        BOOST_TEST(client.receive().command == 'p');
    }
    BOOST_TEST(client.receive_verdict().status() == "Clean");
    BOOST_TEST(before.receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_client_that_stops_in_the_middle_of_a_packet_holds_up_nobody_and_is_closed) {
    Service service(Keys{{"workers.session_min", "1"}, {"workers.session_max", "1"}, {"timeouts.packet", "\"500ms\""}});
    service.start();
    std::vector<MilterClient> slow;
    for (int number = 0; number < 20; ++number) {
        slow.push_back(service.session());
        slow.back().send_raw(std::string("\0\0\0\x40M<half", 10));
    }
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1"));
    for (MilterClient& one : slow) one.wait_closed();
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(packets_that_arrive_byte_by_byte_or_all_at_once_are_understood) {
    Service service;
    service.start();
    MilterClient piecemeal = service.client();
    for (const char byte : std::string("\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff", 17))
        piecemeal.send_raw(std::string(1, byte));
    BOOST_TEST(piecemeal.receive().command == 'O');

    MilterClient eager = service.client(); // sends the negotiation and what follows in one piece
    eager.send_raw(std::string("\0\0\0\x0dO\0\0\0\x02\0\0\0\x3f\0\0\0\x7f", 17) + std::string("\0\0\0\x04H"
                                                                                              "me\0",
                                                                                              8));
    BOOST_TEST(eager.receive().command == 'O');
    BOOST_TEST(eager.receive().command == 'c');
}

BOOST_AUTO_TEST_SUITE_END()
