// What a service manager is sent, and when: a real datagram socket, and a clock that the test turns.
#include "supervisor/notifications.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "tests/support/folder.h"
#include "tests/support/notify_socket.h"
#include "tests/unit/supervisor/time_by_hand.h"

using namespace evermilter::supervisor;
using evermilter::test::Folder;
using evermilter::test::has_line;
using evermilter::test::NotifySocket;
using evermilter::test::value_of;
using namespace std::chrono_literals;

namespace {

struct Case {
    Folder folder;
    NotifySocket socket{folder.path("notify.sock")};
    test::TimeByHand time;
    State state;
    bool well = true;
    Notifications notifications{time, state, [this] { return well; }};

    void begin(std::chrono::microseconds watchdog = 0us) {
        ServiceManager manager;
        manager.notify_socket = socket.path();
        manager.watchdog = watchdog;
        notifications.begin(manager);
    }
    std::string sent() { return socket.receive(); }
    // What was sent last, and nothing after it.
    std::string last_after(const std::string& mark) {
        state.degraded_reason = mark;
        notifications.report();
        return socket.wait_line("STATUS=" + status_line(state));
    }
    std::size_t seen_with(const std::string& line) const {
        std::size_t count = 0;
        for (const std::string& one : socket.seen()) count += has_line(one, line) ? 1U : 0U;
        return count;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(notifications_test)

BOOST_AUTO_TEST_CASE(each_state_of_the_service_has_its_words) {
    struct Row {
        ServiceState state;
        const char* words; // "": none
    };
    const Row rows[] = {
        {ServiceState::ready, "READY=1"},
        {ServiceState::degraded, "READY=1"},
        {ServiceState::reloading, "RELOADING=1"},
    };
    for (const Row& row : rows) {
        Case one;
        one.begin();
        const std::string first = one.sent();
        BOOST_TEST(first == "STATUS=starting");
        one.state.service = row.state;
        one.notifications.report();
        const std::string datagram = one.socket.wait_line(row.words);
        BOOST_TEST(has_line(datagram, row.words));
        BOOST_TEST(has_line(datagram, "STATUS=" + status_line(one.state)));
        BOOST_TEST(has_line(datagram, "MONOTONIC_USEC=") == (row.state == ServiceState::reloading));
    }
}

BOOST_FIXTURE_TEST_CASE(the_time_of_a_reload_is_the_clocks, Case) {
    begin();
    state.service = ServiceState::reloading;
    notifications.report();
    BOOST_TEST(value_of(socket.wait_line("RELOADING=1"), "MONOTONIC_USEC") == "3600000000");
}

BOOST_FIXTURE_TEST_CASE(what_has_not_changed_is_not_sent_again, Case) {
    state.service = ServiceState::ready;
    begin();
    for (int i = 0; i < 10; ++i) notifications.report();
    static_cast<void>(last_after("a mark"));
    BOOST_TEST(seen_with("STATUS=ready") == 1U);
}

BOOST_FIXTURE_TEST_CASE(while_a_load_goes_on_more_time_is_asked_for_every_ten_seconds, Case) {
    begin();
    time.pass(30s);
    state.service = ServiceState::ready;
    notifications.report();
    time.pass(10min);
    static_cast<void>(last_after("a mark"));
    BOOST_TEST(seen_with("EXTEND_TIMEOUT_USEC=30000000") == 4U); // at once, and three times
    BOOST_TEST(!time.next().has_value());
}

BOOST_FIXTURE_TEST_CASE(the_watchdog_is_fed_three_times_in_its_time_as_long_as_all_is_well, Case) {
    state.service = ServiceState::ready;
    begin(30s);
    time.pass(30s);
    well = false;
    time.pass(30s);
    static_cast<void>(last_after("a mark"));
    BOOST_TEST(seen_with("WATCHDOG=1") == 4U);
    well = true;
    time.pass(10s);
    BOOST_TEST(has_line(socket.receive(), "WATCHDOG=1"));
}

BOOST_FIXTURE_TEST_CASE(a_stop_says_how_long_it_may_take_and_why_and_is_the_last_word, Case) {
    state.service = ServiceState::ready;
    begin();
    state.service = ServiceState::stopping;
    notifications.report_stopping(90s, "a reason\nof two lines");
    const std::string datagram = socket.wait_line("STOPPING=1");
    BOOST_TEST(value_of(datagram, "EXTEND_TIMEOUT_USEC") == "90000000");
    BOOST_TEST(value_of(datagram, "STATUS") == "stopping: a reason of two lines");
    notifications.report();
    socket.wait_silence("STATUS=", 50ms);
}

BOOST_FIXTURE_TEST_CASE(what_a_manager_does_not_take_is_sent_again_and_the_newest_is_not_lost, Case) {
    state.service = ServiceState::ready;
    begin();
    socket.fill();
    for (int i = 0; i < 100; ++i) {
        state.degraded_reason = "change " + std::to_string(i);
        notifications.report();
    }
    BOOST_TEST(time.next().has_value());
    bool came = false;
    for (int turn = 0; turn < 1000 && !came; ++turn) {
        came = has_line(socket.receive(), "STATUS=ready: change 99");
        time.pass(100ms);
    }
    BOOST_TEST(came);
    BOOST_TEST(!time.next().has_value());
}

BOOST_FIXTURE_TEST_CASE(without_a_manager_nothing_is_sent_and_no_timer_runs, Case) {
    notifications.begin({});
    state.service = ServiceState::ready;
    notifications.report();
    notifications.report_stopping(1s, "");
    BOOST_TEST(!time.next().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
