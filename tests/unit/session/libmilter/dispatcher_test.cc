// The dispatcher's decisions, with a library, sockets and a clock of the test's own: which session goes to a thread,
// which waits and how it is watched; and for any order of events: a session is dispatched once at a time, none is
// lost, each is closed once, and the session hears of every packet that is not whole.
#include "workers/session/libmilter/dispatcher.h"

#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/session/libmilter/fake_library.h"

namespace evermilter::session::libmilter {
namespace {

using namespace std::chrono_literals;
using State = ConnectionState;

constexpr int kOne = 5;
constexpr int kOther = 6;

struct Fixture {
    FakeLibrary library;

    // A session whose thread has given it back.
    void open(int descriptor) {
        BOOST_REQUIRE(library.accept(descriptor));
        library.thread_takes();
        library.thread_goes_on(descriptor);
        BOOST_REQUIRE(library.is_waiting(descriptor));
    }
    void turn_after(std::chrono::milliseconds time) {
        library.now += time;
        library.controller_turns();
    }
    State state(int descriptor = kOne) { return library.state(descriptor); }
    ~Fixture() { BOOST_TEST(library.wrong.empty(), (library.wrong.empty() ? "" : library.wrong.front())); }
};

BOOST_FIXTURE_TEST_SUITE(dispatcher_test, Fixture)

BOOST_AUTO_TEST_CASE(a_whole_packet_goes_to_a_thread_at_once) {
    open(kOne);
    library.sockets.send(kOne, 10, 10);
    library.controller_turns();
    BOOST_TEST((state() == State::dispatched));
    BOOST_TEST(*library.dispatcher.on_its_way() == kOne);
    library.thread_takes();
    BOOST_TEST((state() == State::served));
    BOOST_TEST(!library.dispatcher.on_its_way().has_value());
}

BOOST_AUTO_TEST_CASE(the_next_goes_when_the_one_before_has_a_thread) {
    open(kOne);
    open(kOther);
    library.sockets.send(kOne, 10, 10);
    library.sockets.send(kOther, 10, 10);
    library.controller_turns();
    library.controller_turns();
    BOOST_TEST(library.is_waiting(kOther));
    library.thread_takes();
    library.controller_turns();
    BOOST_TEST(*library.dispatcher.on_its_way() == kOther);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_accepted_is_on_its_way_like_any_other) {
    open(kOne);
    library.sockets.send(kOne, 10, 10);
    BOOST_REQUIRE(library.accept(kOther));
    library.controller_turns();
    BOOST_TEST((state() == State::listed));
    library.thread_takes();
    library.controller_turns();
    BOOST_TEST((state() == State::dispatched));
}

BOOST_AUTO_TEST_CASE(a_packet_that_has_begun_waits_for_its_rest_without_a_thread) {
    open(kOne);
    library.sockets.send(kOne, 10, 3);
    library.controller_turns();
    BOOST_TEST((state() == State::growing));
    BOOST_TEST(library.packet_is_open(kOne));
    library.sockets.send(kOne, 10, 7);
    library.controller_turns();
    BOOST_TEST(!library.packet_is_open(kOne));
    library.controller_turns();
    BOOST_TEST((state() == State::dispatched));
}

BOOST_AUTO_TEST_CASE(a_packet_that_trickles_is_looked_at_once_in_a_tick) {
    open(kOne);
    library.sockets.send(kOne, 100, 3);
    library.controller_turns();
    library.sockets.send(kOne, 100, 1);
    turn_after(kTick / 2);
    BOOST_TEST((state() == State::growing));
    library.sockets.send(kOne, 100, 1);
    turn_after(kTick / 2);
    BOOST_TEST((state() == State::growing_seldom));
    library.sockets.send(kOne, 100, 95);
    turn_after(1ms);
    BOOST_TEST((state() == State::growing_seldom));
    turn_after(kTick);
    BOOST_TEST((state() == State::woken));
}

BOOST_AUTO_TEST_CASE(a_large_packet_that_does_not_grow_for_two_ticks_goes_as_it_is) {
    open(kOne);
    library.sockets.send(kOne, 4000, kStalledBytes);
    library.controller_turns();
    turn_after(kTick);
    BOOST_TEST((state() == State::growing));
    library.sockets.send(kOne, 4000, 1);
    turn_after(kTick);
    BOOST_TEST((watch_of(state()) != Watch::none));
    turn_after(kTick);
    BOOST_TEST((state() == State::stalled));
    library.controller_turns();
    BOOST_TEST((state() == State::dispatched_part));
    library.thread_takes();
    BOOST_TEST((state() == State::reading));
    BOOST_TEST(library.packet_is_open(kOne));
}

BOOST_AUTO_TEST_CASE(a_small_one_waits_for_ever) {
    open(kOne);
    library.sockets.send(kOne, 4000, kStalledBytes - 1);
    for (int tick = 0; tick < 10; ++tick) turn_after(kTick);
    BOOST_TEST((state() == State::growing));
    BOOST_TEST(library.packet_is_open(kOne));
}

BOOST_AUTO_TEST_CASE(a_silent_session_falls_asleep_and_its_next_packet_wakes_it) {
    open(kOne);
    turn_after(1ms);
    turn_after(kUntilAsleep - 1ms);
    BOOST_TEST((state() == State::listed));
    turn_after(1ms);
    BOOST_TEST((state() == State::asleep));
    library.sockets.send(kOne, 10, 10);
    turn_after(1h);
    BOOST_TEST((state() == State::woken));
    BOOST_TEST((library.dispatcher.find(kOne)->pace == Pace::slow));
    library.controller_turns();
    BOOST_TEST((state() == State::dispatched));
}

BOOST_AUTO_TEST_CASE(a_slow_session_falls_asleep_at_once_and_is_quick_again_when_its_packets_come_quickly) {
    open(kOne);
    library.dispatcher.find(kOne)->pace = Pace::slow;
    turn_after(0ms);
    BOOST_TEST((state() == State::asleep));
    library.sockets.send(kOne, 10, 10);
    turn_after(kUntilAsleep - 1ms);
    BOOST_TEST((library.dispatcher.find(kOne)->pace == Pace::quick));
}

BOOST_AUTO_TEST_CASE(headers_that_nobody_waits_for_wake_no_thread) {
    open(kOne);
    Connection& connection = *library.dispatcher.find(kOne);
    connection.last = 'L';
    connection.unanswered = true;
    turn_after(0ms);
    turn_after(kUntilAsleep);
    library.sockets.at(kOne).only_headers = true;
    library.sockets.send(kOne, 10, 10);
    turn_after(0ms);
    BOOST_TEST((state() == State::asleep));
    library.sockets.at(kOne).edge = true;
    turn_after(kTick);
    BOOST_TEST((state() == State::asleep_seldom));
    library.sockets.at(kOne).only_headers = false;
    library.sockets.at(kOne).edge = true;
    turn_after(kTick);
    BOOST_TEST((state() == State::woken));
}

BOOST_AUTO_TEST_CASE(the_end_of_a_connection_is_reported_from_every_state_that_waits) {
    enum class Before { listed, asleep, growing };
    int descriptor = kOne;
    for (const Before before : {Before::listed, Before::asleep, Before::growing}) {
        open(descriptor);
        if (before == Before::asleep) {
            turn_after(0ms);
            turn_after(kUntilAsleep);
        }
        if (before == Before::growing) {
            library.sockets.send(descriptor, 10, 3);
            turn_after(0ms);
        }
        library.sockets.hang_up(descriptor);
        turn_after(0ms);
        turn_after(0ms);
        BOOST_TEST(*library.dispatcher.on_its_way() == descriptor);
        library.thread_takes();
        library.thread_goes_on(descriptor);
        BOOST_TEST(library.ended[descriptor] == 1);
        ++descriptor;
    }
}

BOOST_AUTO_TEST_CASE(where_the_kernel_refuses_to_watch_a_thread_waits_for_the_rest) {
    open(kOne);
    library.sockets.refuse_watches(true);
    turn_after(1h);
    BOOST_TEST((state() == State::listed));
    library.sockets.send(kOne, 10, 3);
    library.controller_turns();
    BOOST_TEST((state() == State::dispatched_part));
    BOOST_TEST(library.packet_is_open(kOne));
}

BOOST_AUTO_TEST_CASE(one_that_no_thread_takes_is_given_up_and_the_next_goes) {
    open(kOne);
    open(kOther);
    library.sockets.send(kOne, 10, 10);
    library.controller_turns();
    library.no_thread_takes();
    library.sockets.send(kOther, 10, 10);
    library.controller_turns();
    BOOST_TEST(*library.dispatcher.on_its_way() == kOther);
}

BOOST_AUTO_TEST_CASE(a_thread_that_comes_too_late_finds_the_end) {
    BOOST_REQUIRE(library.accept(kOne));
    BOOST_TEST(library.dispatcher.give_up() == kOne);
    BOOST_TEST((state() == State::unserved));
    const Dispatcher::Turn turn = library.dispatcher.take_turn(kOne);
    BOOST_TEST(!turn.may_go);
    BOOST_TEST(!turn.packet_there);
    BOOST_TEST((state() == State::served));
}

BOOST_AUTO_TEST_CASE(an_event_without_a_row_is_a_fault_and_closes_the_connection_and_no_other) {
    open(kOne);
    open(kOther);
    turn_after(0ms); // both are listed
    (void)library.dispatcher.wait_for_rest(kOne);
    const auto fault = library.dispatcher.take_fault();
    BOOST_REQUIRE(fault.has_value());
    BOOST_TEST(fault->descriptor == kOne);
    BOOST_TEST((fault->state == State::listed));
    BOOST_TEST((fault->event == ConnectionEvent::waits));
    BOOST_TEST(library.sockets.at(kOne).shut_down);
    BOOST_TEST(!library.sockets.at(kOther).shut_down);
    turn_after(0ms);
    library.thread_takes();
    library.thread_goes_on(kOne);
    BOOST_TEST(library.ended[kOne] == 1);
}

// ---------------------------------------------------------------- any order

constexpr int kFirst = 10;
constexpr int kSessions = 4;

void step(FakeLibrary& library, int what, int which, int amount) {
    const int descriptor = kFirst + which;
    const bool known = library.sockets.has(descriptor);
    switch (what) {
        case 0:
            (void)library.accept(descriptor);
            break;
        case 1:
            if (known) library.sockets.send(descriptor, 400, static_cast<std::size_t>(amount));
            break;
        case 2:
            if (known) library.sockets.send(descriptor, 400, 400);
            break;
        case 3:
            if (known && amount < 20) library.sockets.hang_up(descriptor);
            break;
        case 4:
            library.now += std::chrono::milliseconds(amount);
            break;
        case 5:
            library.thread_takes();
            break;
        case 6:
            library.thread_goes_on(descriptor);
            break;
        case 7:
            if (amount < 10) library.no_thread_takes();
            break;
        case 8:
            library.sockets.refuse_watches(amount < 20);
            break;
        case 9:
            if (known) library.sockets.at(descriptor).only_headers = amount < 50;
            if (known && library.dispatcher.find(descriptor) != nullptr)
                library.dispatcher.find(descriptor)->unanswered = amount < 100;
            break;
        default:
            library.controller_turns();
            break;
    }
}

// Threads and controller do all that there is to do.
void settle(FakeLibrary& library) {
    library.sockets.refuse_watches(false);
    for (int round = 0; round < 60; ++round) {
        library.now += kTick;
        library.controller_turns();
        library.thread_takes();
        for (int which = 0; which < kSessions; ++which) library.thread_goes_on(kFirst + which);
    }
}

BOOST_AUTO_TEST_CASE(in_any_order_of_events_no_session_is_lost_doubled_or_left_without_its_deadline) {
    BOOST_TEST(rc::check([] {
        const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
            rc::gen::tuple(rc::gen::inRange(0, 14), rc::gen::inRange(0, kSessions), rc::gen::inRange(0, 200)));
        FakeLibrary generated;
        for (const auto& [what, which, amount] : steps) step(generated, what, which, amount);
        settle(generated);
        for (int descriptor = kFirst; descriptor < kFirst + kSessions; ++descriptor) {
            if (!generated.sockets.has(descriptor)) continue;
            FakeSockets::Socket& socket = generated.sockets.at(descriptor);
            // Who waits with a packet that is not whole waits under timeouts.packet, and nobody else does.
            const bool partial = socket.available > 0 && socket.available < socket.packet;
            RC_ASSERT(generated.packet_is_open(descriptor) == partial);
            // What is whole has been read, but for headers that nobody waits for.
            const bool may_wait = socket.only_headers && generated.dispatcher.find(descriptor)->unanswered;
            RC_ASSERT(partial || socket.available == 0 || may_wait);
            generated.sockets.hang_up(descriptor);
        }
        settle(generated);
        for (const auto& [descriptor, times] : generated.ended) RC_ASSERT(times == 1);
        for (int descriptor = kFirst; descriptor < kFirst + kSessions; ++descriptor)
            RC_ASSERT(!generated.sockets.has(descriptor));
        RC_ASSERT(generated.wrong.empty());
    }));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session::libmilter
