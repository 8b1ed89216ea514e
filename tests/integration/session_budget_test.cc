// The budgets of a session worker, its drain, and the generations that its sessions hold.
#include <poll.h>
#include <sys/resource.h>

#include <csignal>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/session_worker.h"
#include "tests/support/report.h"
#include "tests/support/sanitizers.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

using messages::ScanOutcome;
using namespace std::chrono_literals;

const std::string kMail = "Subject: one\r\n\r\nHello.\r\n";

// Makes a new session wait for `stage`.
std::unique_ptr<MilterClient> session_in(SessionWorker& worker, Stage stage) {
    auto client = worker.connect();
    if (stage >= Stage::helo) client->connect();
    if (stage >= Stage::mail) client->helo();
    if (stage >= Stage::rcpt) client->mail();
    if (stage >= Stage::data) {
        client->rcpt();
        client->data();
    }
    if (stage >= Stage::header) client->header("Subject", "x");
    if (stage >= Stage::body) client->end_of_headers();
    if (stage >= Stage::eom) client->send('E');
    return client;
}

config::Duration& budget(config::Config& config, Stage stage) {
    switch (stage) {
        case Stage::connect:
            return config.timeouts.connect;
        case Stage::helo:
            return config.timeouts.helo;
        case Stage::mail:
            return config.timeouts.mail;
        case Stage::rcpt:
            return config.timeouts.rcpt;
        case Stage::data:
            return config.timeouts.data;
        case Stage::header:
            return config.timeouts.header;
        case Stage::body:
            return config.timeouts.body;
        case Stage::eom:
            return config.timeouts.eom;
        case Stage::negotiate:
            break;
    }
    return config.timeouts.negotiate;
}

const std::vector<int> kClosedStages = {static_cast<int>(Stage::negotiate), static_cast<int>(Stage::connect),
                                        static_cast<int>(Stage::helo),      static_cast<int>(Stage::mail),
                                        static_cast<int>(Stage::rcpt),      static_cast<int>(Stage::data),
                                        static_cast<int>(Stage::header),    static_cast<int>(Stage::body)};

Verdict finish(MilterClient& client, FakeScanners& scanners) {
    client.send('E');
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    return client.receive_verdict();
}

BOOST_AUTO_TEST_SUITE(session_budget)

BOOST_DATA_TEST_CASE(a_parked_session_is_closed_when_its_stage_is_over_and_counted, kClosedStages, number) {
    const auto stage = static_cast<Stage>(number);
    SessionWorker worker([&](config::Config& config) { budget(config, stage) = 300ms; });
    auto client = stage == Stage::negotiate ? worker.hand_over() : session_in(worker, stage);
    client->wait_closed();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
    BOOST_TEST(worker.timed_out(stage) == 1);
    BOOST_TEST(worker.log().find("session-timed-out") != std::string::npos);
    BOOST_TEST(worker.log().find(std::string("stage=") + stage_name(stage)) != std::string::npos);
    BOOST_TEST(worker.log().find("peer=192.0.2.1:4711") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(trickled_headers_extend_no_budget) {
    SessionWorker worker([](config::Config& config) { config.timeouts.header = 500ms; });
    auto client = session_in(worker, Stage::header);
    BOOST_CHECK_THROW(
        for (;;) {
            std::this_thread::sleep_for(20ms);
            client->header("X", "y");
        },
        std::exception);
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
    BOOST_TEST(worker.timed_out(Stage::header) == 1);
}

BOOST_AUTO_TEST_CASE(trickled_chunks_extend_no_budget) {
    SessionWorker worker([](config::Config& config) { config.timeouts.body = 500ms; });
    auto client = session_in(worker, Stage::body);
    BOOST_CHECK_THROW(
        for (;;) {
            std::this_thread::sleep_for(20ms);
            client->body("y");
        },
        std::exception);
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
    BOOST_TEST(worker.timed_out(Stage::body) == 1);
}

// A packet that comes byte by byte: once so few bytes that the worker does not read it yet, once many.
BOOST_DATA_TEST_CASE(a_packet_that_does_not_end_is_cut, boost::unit_test::data::make({3, 400}), begun) {
    SessionWorker worker([](config::Config& config) { config.timeouts.packet = 600ms; });
    auto client = session_in(worker, Stage::header);
    const std::string bytes = std::string("\0\0\x40\0L", 5) + std::string(4000, 'x');
    client->send_raw(bytes.substr(0, static_cast<std::size_t>(begun)));
    BOOST_CHECK_THROW(
        for (auto i = static_cast<std::size_t>(begun); i < bytes.size(); ++i) {
            std::this_thread::sleep_for(20ms);
            client->send_raw(bytes.substr(i, 1));
        },
        std::exception);
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
    BOOST_TEST(worker.timed_out(Timeout::packet) == 1);
}

BOOST_AUTO_TEST_CASE(the_budget_of_a_packet_ends_with_the_packet_not_with_the_answer) {
    SessionWorker worker([](config::Config& config) { config.timeouts.packet = 2s; });
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::body);
    // An end of message with a last chunk, in two halves.
    const std::string last = std::string("\0\0\x80\1E", 5) + std::string(0x8000, 'x');
    client->send_raw(last.substr(0, 33'000 - 500));
    std::this_thread::sleep_for(50ms);
    client->send_raw(last.substr(33'000 - 500));
    auto job = scanners.take();
    std::this_thread::sleep_for(2500ms);
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(past_the_session_budget_the_next_mail_gets_421) {
    SessionWorker worker([](config::Config& config) { config.timeouts.session = 2s; });
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::body);
    wait_until("timeouts.session", [&] { return worker.timed_out(Timeout::session) == 1; });
    // The message that had begun is finished.
    BOOST_TEST(finish(*client, scanners).status() == "Clean");
    BOOST_TEST(client->mail().text().starts_with("421 4.3.2 "));
}

BOOST_AUTO_TEST_CASE(past_the_session_budget_a_session_that_sends_no_mail_is_closed) {
    SessionWorker worker([](config::Config& config) {
        config.timeouts.session = 2s;
        config.timeouts.mail = 2s;
    });
    auto client = session_in(worker, Stage::rcpt);
    client->wait_closed();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
}

BOOST_AUTO_TEST_CASE(no_answer_within_the_budget_is_an_error_and_the_session_goes_on) {
    SessionWorker worker([](config::Config& config) {
        config.scanner.queue_timeout = 2s;
        config.actions.error_text = "451 4.7.1 try later";
    });
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::eom);
    // No scanner takes the job.
    BOOST_TEST(client->receive_verdict().text() == "451 4.7.1 try later");
    (void)scanners.receive();
    client->upload(kMail);
    BOOST_TEST(finish(*client, scanners).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(progress_is_told_while_a_message_is_scanned) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::eom);
    auto job = scanners.take();
    wait_for(client->fd(), POLLIN, "progress");
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().progress >= 1);
}

// ---------------------------------------------------------------- the machine's limits

// While it lives the worker's address space is full: there is no stack for another thread.
class NoFurtherThread {
  public:
    explicit NoFurtherThread(pid_t pid) : pid_(pid) {
        rlimit limit{};
        BOOST_REQUIRE(::prlimit(pid_, RLIMIT_AS, nullptr, &before_) == 0);
        limit.rlim_cur = (std::stoull(status_field(pid, "VmSize")) + 128) * 1024;
        limit.rlim_max = before_.rlim_max;
        BOOST_REQUIRE(::prlimit(pid_, RLIMIT_AS, &limit, nullptr) == 0);
    }
    ~NoFurtherThread() { (void)::prlimit(pid_, RLIMIT_AS, &before_, nullptr); }
    NoFurtherThread(const NoFurtherThread&) = delete;
    NoFurtherThread& operator=(const NoFurtherThread&) = delete;

  private:
    pid_t pid_;
    rlimit before_{};
};

BOOST_AUTO_TEST_CASE(a_session_for_which_no_thread_can_be_made_is_ended_and_the_others_are_served) {
    if (kSanitized) not_possible("a sanitizer ends a process that is refused memory");
    SessionWorker worker([](config::Config& config) {
        config.scanner.queue_timeout = 60s;
        config.scanner.max_scan_time = 10s;
    });
    auto idle = session_in(worker, Stage::mail);
    // Each session holds a thread, because there is no generation yet.
    std::vector<std::unique_ptr<MilterClient>> clients;
    {
        const NoFurtherThread full(worker.pid());
        // With little memory a session may also be refused, or end, for want of a buffer: the worker stays fit then.
        while (!worker.has_come<messages::SessionWorkerUnfit>()) {
            try {
                auto client = worker.connect();
                if (client->connect().command != 'c' || client->helo().command != 'c' ||
                    client->upload(kMail).command != 'c')
                    continue;
                client->send('E');
                const SessionSlot& slot = worker.slot(worker.last_session());
                wait_until("the end of message", [&] {
                    return client->readable() || slot.stage.load() == static_cast<std::uint64_t>(Stage::eom);
                });
                if (!client->readable()) clients.push_back(std::move(client));
            } catch (const ConnectionEnded&) {
            }
        }
        (void)worker.expect<messages::SessionWorkerUnfit>();
        (void)worker.expect<messages::SessionEnded>();
    }
    auto scanners = worker.generation(1);
    std::vector<messages::ScanJob> jobs;
    while (jobs.size() < clients.size()) jobs.push_back(scanners.take());
    for (auto& job : jobs) FakeScanners::answer(std::move(job), ScanOutcome::clean);
    for (auto& client : clients) BOOST_TEST(client->receive_verdict().status() == "Clean");
    idle->upload(kMail);
    BOOST_TEST(finish(*idle, scanners).status() == "Clean");
}

// ---------------------------------------------------------------- drain

BOOST_AUTO_TEST_CASE(a_drained_worker_ends_when_its_last_session_has) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::body);
    worker.send(messages::DrainSessions{false, 0});
    BOOST_TEST(finish(*client, scanners).status() == "Clean");
    client->upload(kMail);
    BOOST_TEST(finish(*client, scanners).status() == "Clean");
    client->quit();
    BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
    BOOST_TEST(worker.wait_end() == 0);
}

BOOST_AUTO_TEST_CASE(a_worker_without_sessions_ends_at_once_when_drained) {
    SessionWorker worker;
    worker.send(messages::DrainSessions{true, 0});
    BOOST_TEST(worker.wait_end() == 0);
}

BOOST_AUTO_TEST_CASE(a_graceful_stop_finishes_messages_refuses_the_next_mail_and_closes_the_rest) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::eom);
    auto idle = session_in(worker, Stage::mail);
    auto job = scanners.take();
    worker.send(messages::DrainSessions{true, monotonic_ns() + 4'000'000'000});
    wait_until("the drain", [&] { return worker.log().find("draining") != std::string::npos; });
    BOOST_TEST(idle->mail().text().starts_with("421 4.3.2 "));
    FakeScanners::answer(std::move(job), ScanOutcome::infected, "V");
    BOOST_TEST(client->receive_verdict().text() == "550 5.7.1 virus found: V");
    client->wait_closed();
    idle->wait_closed();
    BOOST_TEST(worker.wait_end() == 0);
}

BOOST_AUTO_TEST_CASE(a_message_that_is_scanned_at_the_deadline_does_not_keep_the_worker) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::eom);
    auto job = scanners.take();
    worker.send(messages::DrainSessions{true, monotonic_ns() + 200'000'000});
    client->wait_closed();
    BOOST_TEST(worker.wait_end() == 0);
}

BOOST_DATA_TEST_CASE(signals_do_not_stop_a_worker, boost::unit_test::data::make({SIGTERM, SIGHUP, SIGINT, SIGABRT}),
                     signal) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::body);
    BOOST_TEST(::kill(worker.pid(), signal) == 0);
    BOOST_TEST(finish(*client, scanners).status() == "Clean");
    auto next = session_in(worker, Stage::body);
    BOOST_TEST(finish(*next, scanners).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(when_the_supervisor_dies_messages_are_finished_and_engines_let_go) {
    SessionWorker worker([](config::Config& config) { config.timeouts.shutdown = 4s; });
    auto scanners = worker.generation(1);
    auto client = session_in(worker, Stage::eom);
    auto idle = session_in(worker, Stage::mail);
    auto job = scanners.take();
    worker.close_channel();
    FakeScanners::answer(std::move(job), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
    scanners.wait_released();
    BOOST_TEST(worker.wait_end() == 0);
}

// ---------------------------------------------------------------- generations

BOOST_AUTO_TEST_CASE(before_any_generation_only_the_end_of_message_waits) {
    SessionWorker worker;
    auto client = session_in(worker, Stage::eom);
    worker.wait_stage(1, Stage::eom);
    BOOST_TEST(!client->readable());
    auto scanners = worker.generation(1);
    FakeScanners::answer(scanners.take(), ScanOutcome::clean);
    BOOST_TEST(client->receive_verdict().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(without_any_generation_what_waits_is_answered_at_once) {
    SessionWorker worker([](config::Config& config) { config.scanner.queue_timeout = 30s; });
    auto client = session_in(worker, Stage::eom);
    worker.wait_stage(1, Stage::eom);
    worker.send(messages::NoGeneration{"broken database"});
    BOOST_TEST(client->receive_verdict().text().starts_with("451 4.7.1 "));
    BOOST_TEST(worker.counters().get("messages", Disposition::error) == 1);
}

BOOST_AUTO_TEST_CASE(a_session_keeps_its_generation_and_a_new_one_gets_the_new) {
    SessionWorker worker;
    auto first = worker.generation(1);
    auto old_session = session_in(worker, Stage::mail);
    auto second = worker.generation(2);
    auto new_session = session_in(worker, Stage::mail);
    old_session->upload(kMail);
    BOOST_TEST(finish(*old_session, first).status() == "Clean");
    new_session->upload(kMail);
    BOOST_TEST(finish(*new_session, second).status() == "Clean");
    BOOST_TEST(!worker.has_come<messages::QueueReleased>());
    old_session->quit();
    BOOST_TEST(worker.expect<messages::QueueReleased>().generation == 1);
    first.wait_released();
}

BOOST_AUTO_TEST_CASE(let_go_moves_a_session_to_the_current_generation_without_a_cut) {
    SessionWorker worker;
    auto first = worker.generation(1);
    auto client = session_in(worker, Stage::body);
    auto second = worker.generation(2);
    worker.send(messages::LetGo{1});
    BOOST_TEST(worker.expect<messages::QueueReleased>().generation == 1);
    first.wait_released();
    BOOST_TEST(finish(*client, second).status() == "Clean");
    client->upload(kMail);
    BOOST_TEST(finish(*client, second).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_scan_that_was_taken_is_finished_on_the_old_generation) {
    SessionWorker worker;
    auto first = worker.generation(1);
    auto client = session_in(worker, Stage::eom);
    auto job = first.take();
    auto second = worker.generation(2);
    worker.send(messages::LetGo{1});
    BOOST_TEST(worker.expect<messages::QueueReleased>().generation == 1);
    FakeScanners::answer(std::move(job), ScanOutcome::infected, "Old");
    BOOST_TEST(client->receive_verdict().text() == "550 5.7.1 virus found: Old");
}

BOOST_AUTO_TEST_CASE(pinned_to_a_message_a_session_changes_with_the_next_message) {
    SessionWorker worker([](config::Config& config) { config.reload.pin = config::Pin::message; });
    auto first = worker.generation(1);
    auto client = session_in(worker, Stage::body);
    auto second = worker.generation(2);
    BOOST_TEST(finish(*client, first).status() == "Clean");
    BOOST_TEST(worker.expect<messages::QueueReleased>().generation == 1);
    client->upload(kMail);
    BOOST_TEST(finish(*client, second).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(pinned_to_a_scan_a_session_holds_nothing) {
    SessionWorker worker([](config::Config& config) { config.reload.pin = config::Pin::scan; });
    auto first = worker.generation(1);
    auto client = session_in(worker, Stage::body);
    auto second = worker.generation(2);
    BOOST_TEST(worker.expect<messages::QueueReleased>().generation == 1);
    BOOST_TEST(finish(*client, second).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(after_quit_nc_the_generation_is_chosen_anew) {
    SessionWorker worker;
    auto first = worker.generation(1);
    auto client = session_in(worker, Stage::mail);
    auto second = worker.generation(2);
    client->quit_nc();
    BOOST_TEST(worker.expect<messages::QueueReleased>().generation == 1);
    client->connect();
    client->helo();
    client->upload(kMail);
    BOOST_TEST(finish(*client, second).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_ping_is_answered_while_every_thread_waits_for_a_scan) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    std::vector<std::unique_ptr<MilterClient>> clients;
    std::vector<messages::ScanJob> jobs;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(session_in(worker, Stage::eom));
        jobs.push_back(scanners.take());
    }
    worker.send(messages::Ping{42});
    BOOST_TEST(worker.expect<messages::Pong>().serial == 42);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::test
