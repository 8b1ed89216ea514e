// Sessions that were silent for so long that poll(2) no longer looks at them (workers/session/libmilter/dispatcher.cc):
// whatever comes from them then is noticed as from any other.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/session_worker.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

using messages::ScanOutcome;
using messages::SessionEnded;

const std::string kMail = "Subject: one\r\n\r\nHello.\r\n";

// The inodes that each epoll of the process watches, from its entry in fdinfo (proc(5)).
std::map<std::string, std::set<ino_t>> epolls(pid_t pid) {
    std::map<std::string, std::set<ino_t>> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo")) {
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);) {
            const auto inode = line.find(" ino:");
            if (line.starts_with("tfd:") && inode != std::string::npos)
                all[entry.path().filename()].insert(std::stoull(line.substr(inode + 5), nullptr, 16));
        }
    }
    return all;
}

std::set<ino_t> registered(pid_t pid) {
    std::set<ino_t> inodes;
    for (const auto& [epoll, watched] : epolls(pid)) inodes.insert(watched.begin(), watched.end());
    return inodes;
}

// Bytes that the client of an AF_UNIX connection has sent and the worker has not read yet (unix(7), SIOCOUTQ).
int unread(const MilterClient& client) {
    int bytes = 0;
    BOOST_REQUIRE(::ioctl(client.fd(), SIOCOUTQ, &bytes) == 0);
    return bytes;
}

class Silent {
  public:
    explicit Silent(const SessionWorker::Change& change = {}) : worker_(change), scanners_(worker_.generation(1)) {
        busy_ = worker_.hand_over();
        busy_->open();
    }

    std::unique_ptr<MilterClient> session(bool inet) {
        auto client = worker_.hand_over(inet);
        client->open();
        note_session();
        return client;
    }

    // A session in a message, from MAIL to the first header.
    std::unique_ptr<MilterClient> session_in_headers(const Offer& offer = {}) {
        auto client = worker_.hand_over();
        client->open(offer);
        note_session();
        client->mail();
        client->rcpt();
        client->data();
        client->header("Subject", "one");
        wait_read(*client);
        return client;
    }

    // The controller looks for silent sessions, and for what they have sent, whenever it has something to do.
    void let_controller_look() {
        busy_->mail();
        busy_->abort();
    }
    // The sent commands get no answer, and a session that slept before they came may still seem to sleep.
    void wait_read(const MilterClient& client) {
        wait_until("all that was sent is read", [&] {
            let_controller_look();
            return unread(client) == 0;
        });
    }
    void wait_asleep() {
        wait_until("all silent sessions are asleep", [&] {
            let_controller_look();
            const auto asleep = registered(worker_.pid());
            return std::all_of(connections_.begin(), connections_.end(),
                               [&](ino_t one) { return asleep.contains(one); });
        });
    }

    // Sends `more` again and again until the last session has moved from the epoll that watches the first one, which is
    // silent, to another epoll, which is looked at ten times a second.
    void wait_apart(const std::function<void()>& more) {
        wait_until("it is watched apart", [&] {
            more();
            let_controller_look();
            const auto all = epolls(worker_.pid());
            return std::any_of(all.begin(), all.end(), [&](const auto& one) {
                return one.second.contains(connections_.back()) && !one.second.contains(connections_.front());
            });
        });
    }

    messages::ScanJob take() { return scanners_.take(); }
    SessionWorker& worker() { return worker_; }
    std::uint64_t number(std::size_t index) const { return sessions_.at(index); }

    void expect_served(MilterClient& client) {
        client.upload(kMail);
        client.send('E');
        FakeScanners::answer(scanners_.take(), ScanOutcome::clean);
        BOOST_TEST(client.receive_verdict().status() == "Clean");
    }

  private:
    void note_session() {
        sessions_.push_back(worker_.last_session());
        connections_.push_back(worker_.last_connection());
    }

    SessionWorker worker_;
    FakeScanners scanners_;
    std::unique_ptr<MilterClient> busy_;
    std::vector<std::uint64_t> sessions_;
    std::vector<ino_t> connections_;
};

const auto kFamilies = boost::unit_test::data::make({false, true});

} // namespace

BOOST_AUTO_TEST_SUITE(session_silence_test)

BOOST_DATA_TEST_CASE(what_comes_after_a_long_silence_is_served_each_time, kFamilies, inet) {
    Silent silent;
    std::vector<std::unique_ptr<MilterClient>> clients;
    clients.reserve(5);
    while (clients.size() < 5) clients.push_back(silent.session(inet));
    for (int round = 0; round < 2; ++round) {
        silent.wait_asleep();
        for (const auto& client : clients) silent.expect_served(*client);
    }
}

BOOST_DATA_TEST_CASE(the_end_of_a_silent_session_is_seen, kFamilies, inet) {
    Silent silent;
    auto client = silent.session(inet);
    silent.wait_asleep();
    client.reset();
    BOOST_TEST(silent.worker().expect<SessionEnded>().session == silent.number(0));
}

BOOST_DATA_TEST_CASE(a_packet_that_begins_after_a_long_silence_has_its_own_budget, kFamilies, inet) {
    Silent silent([](config::Config& config) { config.timeouts.packet = std::chrono::milliseconds(300); });
    auto client = silent.session(inet);
    silent.wait_asleep();
    client->send_raw(std::string("\0\0\x40\0M", 5));
    BOOST_TEST(silent.worker().expect<SessionEnded>().session == silent.number(0));
    BOOST_TEST(silent.worker().timed_out(Timeout::packet) == 1);
}

BOOST_DATA_TEST_CASE(a_packet_in_pieces_after_a_long_silence_is_served, kFamilies, inet) {
    Silent silent;
    auto client = silent.session(inet);
    silent.wait_asleep();
    const std::string sender("<sender@example.org>\0", 21);
    client->send_raw(std::string("\0\0\0", 3));
    client->send_raw(static_cast<char>(sender.size() + 1) + std::string("M") + sender.substr(0, 4));
    client->send_raw(sender.substr(4));
    BOOST_TEST(client->receive().command == 'c');
    client->abort();
    silent.expect_served(*client);
}

BOOST_AUTO_TEST_CASE(headers_that_trickle_wake_no_thread_until_something_else_follows) {
    Silent silent;
    auto client = silent.session_in_headers();
    silent.wait_asleep();
    for (int i = 0; i < 10; ++i) {
        client->header("X-Slow", " " + std::to_string(i));
        silent.let_controller_look();
    }
    BOOST_TEST(unread(*client) > 0);
    client->end_of_headers();
    client->body("Hello.\r\n");
    client->send('E');
    auto job = silent.take();
    BOOST_TEST(FakeScanners::content(job).find("X-Slow: 0\r\n") != std::string::npos);
    BOOST_TEST(FakeScanners::content(job).ends_with("X-Slow: 9\r\n\r\nHello.\r\n"));
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
    silent.expect_served(*client);
}

BOOST_AUTO_TEST_CASE(of_a_body_that_trickles_a_thread_reads_half_a_kibibyte_at_a_time) {
    Silent silent;
    auto client = silent.session_in_headers();
    client->end_of_headers();
    client->body("one\r\n");
    silent.wait_read(*client);
    silent.wait_asleep();
    client->body("two\r\n");
    silent.let_controller_look();
    silent.let_controller_look();
    BOOST_TEST(unread(*client) > 0);
    while (unread(*client) > 0) {
        client->body(std::string(100, 'x') + "\r\n");
        silent.let_controller_look();
    }
    client->send('E');
    auto job = silent.take();
    BOOST_TEST(FakeScanners::content(job).find("one\r\ntwo\r\nxxx") != std::string::npos);
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(who_waits_for_replies_gets_them_after_a_long_silence) {
    Silent silent;
    const Offer offer{6, 0x1ff, 0x1fffff & ~(kNoReplyHeader | kNoReplyEndOfHeaders | kNoReplyBody)};
    auto client = silent.session_in_headers(offer);
    for (int i = 0; i < 2; ++i) {
        silent.wait_asleep();
        BOOST_TEST(client->header("X-Slow", "one").command == 'c');
    }
    silent.wait_asleep();
    BOOST_TEST(client->end_of_headers().command == 'c');
    BOOST_TEST(client->body("Hello.\r\n").command == 'c');
    silent.wait_asleep();
    BOOST_TEST(client->body("Hello.\r\n").command == 'c');
}

BOOST_AUTO_TEST_CASE(headers_that_trickle_for_a_while_are_looked_at_seldom_and_what_follows_is_served) {
    Silent silent;
    auto still = silent.session(false);
    auto client = silent.session_in_headers();
    silent.wait_asleep();
    silent.wait_apart([&] { client->header("X-Slow", " 1"); });
    client->end_of_headers();
    client->body("Hello.\r\n");
    client->send('E');
    auto job = silent.take();
    BOOST_TEST(FakeScanners::content(job).ends_with("X-Slow: 1\r\n\r\nHello.\r\n"));
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
    silent.expect_served(*client);
    silent.expect_served(*still);
}

BOOST_AUTO_TEST_CASE(bytes_that_trickle_for_a_while_are_looked_at_seldom_and_the_whole_packet_is_served) {
    Silent silent;
    auto still = silent.session(false);
    auto client = silent.session(false);
    silent.wait_asleep();
    std::size_t left = 1000;
    client->send_raw(std::string("\0\0\x03\xe9M<", 6));
    silent.wait_apart([&] {
        client->send_raw("x");
        --left;
    });
    client->send_raw(std::string(left - 3, 'x') + std::string(">\0", 2));
    BOOST_TEST(client->receive().command == 'c');
    client->abort();
    silent.expect_served(*client);
    silent.expect_served(*still);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_session_whose_headers_trickle_is_seen) {
    Silent silent;
    auto client = silent.session_in_headers();
    silent.wait_asleep();
    client->header("X-Slow", "one");
    silent.let_controller_look();
    client->close();
    BOOST_TEST(silent.worker().expect<SessionEnded>().session == silent.number(0));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::test
