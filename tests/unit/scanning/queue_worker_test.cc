// What a worker of any front end does at the supervisor's word.
#include "workers/scanning/queue_worker.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "workers/common/ipc/channel.h"
#include "workers/common/shared/scoreboard.h"

using namespace evermilter;
using namespace evermilter::scanning;

namespace {

struct Fixture {
    // What was said to the supervisor since the last call.
    std::vector<std::string> said() {
        std::vector<std::string> names;
        for (const auto& message : outbox.take()) names.emplace_back(messages::message_name(message));
        return names;
    }
    static std::pair<unique_fd, unique_fd> queue() {
        auto pair = seqpacket_pair(Blocking::yes, Blocking::no);
        BOOST_REQUIRE(pair.ok());
        return std::move(*pair);
    }
    void until(const std::string& event) {
        bool late = false;
        TimerWatcher guard(loop.get(), [&late] { late = true; });
        guard.start(std::chrono::seconds(60));
        while (!late && (events.empty() || events.back() != event)) ev_run(loop.get(), EVRUN_ONCE);
        BOOST_REQUIRE_MESSAGE(!late, "never happened: " << event);
    }

    LoopHandle loop = make_loop();
    Outbox outbox{[] {}};
    std::size_t sessions = 0;
    std::vector<std::string> events;
    QueueWorker worker{loop.get(),
                       outbox,
                       std::chrono::hours(1),
                       {[this] { return sessions; }, [this] { events.emplace_back("drain"); },
                        [this] { events.emplace_back("refuse mail"); }, [this] { events.emplace_back("close all"); }},
                       {[this] { events.emplace_back("drained"); }, [this] { events.emplace_back("abandoned"); }}};
};

using Strings = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue_worker_test, Fixture)

BOOST_AUTO_TEST_CASE(a_queue_is_acknowledged_at_once_and_released_when_it_is_let_go) {
    auto first = queue();
    auto second = queue();
    worker.handle(messages::TakeQueue{1, std::move(first.first)});
    BOOST_TEST(said() == Strings{"QueueTaken"}, boost::test_tools::per_element());
    const Pin pinned = worker.queues().pin(1);
    worker.handle(messages::TakeQueue{2, std::move(second.first)});
    BOOST_TEST(said() == Strings{"QueueTaken"}, boost::test_tools::per_element());
    worker.handle(messages::LetGo{1});
    BOOST_TEST(said() == Strings{"QueueReleased"}, boost::test_tools::per_element());
    worker.handle(messages::LetGo{1});
    BOOST_TEST(said().empty());
}

BOOST_AUTO_TEST_CASE(a_ping_is_answered_with_its_serial) {
    worker.handle(messages::Ping{42});
    const auto answers = outbox.take();
    BOOST_TEST_REQUIRE(answers.size() == 1U);
    BOOST_TEST(std::get<messages::Pong>(answers.front()).serial == 42U);
}

BOOST_AUTO_TEST_CASE(it_drains_when_told_and_is_drained_when_its_last_session_has_ended) {
    sessions = 1;
    worker.end_if_drained();
    BOOST_TEST(events.empty()); // it does not drain
    worker.handle(messages::DrainSessions{false, 0});
    BOOST_TEST(events == Strings{"drain"}, boost::test_tools::per_element());
    sessions = 0;
    worker.end_if_drained();
    BOOST_TEST(events.back() == "drained");
}

BOOST_AUTO_TEST_CASE(an_idle_worker_is_drained_at_once) {
    worker.handle(messages::DrainSessions{true, 0});
    const Strings expected = {"drain", "refuse mail", "drained"};
    BOOST_TEST(events == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(at_the_deadline_what_is_left_is_closed_and_at_last_abandoned) {
    sessions = 1;
    worker.handle(messages::DrainSessions{false, monotonic_ns()});
    until("close all");
    until("abandoned");
}

BOOST_AUTO_TEST_CASE(without_a_supervisor_it_drains_within_the_shutdown_time_as_it_is_now_and_refuses_mail) {
    sessions = 1;
    worker.handle(messages::ShutdownTime{0});
    worker.supervisor_gone();
    const Strings expected = {"drain", "refuse mail"};
    BOOST_TEST(events == expected, boost::test_tools::per_element());
    until("close all");
    sessions = 0;
    worker.end_if_drained();
    BOOST_TEST(events.back() == "drained");
}

BOOST_AUTO_TEST_SUITE_END()
