// The gate with real sockets: who gets through, who is turned away and why, and what it costs.
#include "supervisor/front/gate.h"

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "tests/support/proxy_header.h"
#include "tests/unit/supervisor/turning_loop.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;
using evermilter::test::proxied;
using evermilter::test::proxy_field;
using evermilter::test::proxy_header;
using evermilter::test::proxy_local;
using namespace std::string_literals;
using namespace std::chrono_literals;

namespace {

std::string negotiation(char version) {
    return "\0\0\0\x0dO\0\0\0"s + version + "\0\0\1\xff\0\x1f\xff\xff"s;
}

struct GateTest {
    explicit GateTest(std::size_t room = Gate::kRoom)
        : gate(loop.get(), room, [this](Gate::Leaving leaving) { left.push_back(std::move(leaving)); }) {}

    // A peer whose connection is in the gate; what is returned is the peer's end.
    unique_fd enter(std::chrono::milliseconds timeout = 10min, uid_t uid = 7,
                    Gate::First first = Gate::First::negotiation) {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        gate.add(unique_fd(ends[0]), Peer(UnixPeer{1, uid, 1}), timeout, first);
        return unique_fd(ends[1]);
    }
    unique_fd enter_proxy(std::chrono::milliseconds timeout = 10min) {
        return enter(timeout, 7, Gate::First::proxy_header);
    }
    void until_left(std::size_t count) {
        loop.until("connections leave the gate", [&] { return left.size() >= count; });
    }

    TurningLoop loop;
    std::vector<Gate::Leaving> left;
    Gate gate;
};

} // namespace

BOOST_AUTO_TEST_SUITE(gate)

BOOST_AUTO_TEST_CASE(a_whole_negotiation_of_each_version_gets_through_unread) {
    for (char version = 2; version <= 6; ++version) {
        GateTest test;
        const unique_fd peer = test.enter();
        send_text(peer.get(), negotiation(version));
        test.until_left(1);
        BOOST_TEST((test.left[0].exit == GateExit::whole));
        BOOST_TEST(test.gate.waiting() == 0U);
        std::string bytes(64, '\0');
        const ssize_t got = ::recv(test.left[0].connection.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        BOOST_TEST(bytes.substr(0, static_cast<std::size_t>(got)) == negotiation(version));
    }
}

BOOST_AUTO_TEST_CASE(a_negotiation_in_pieces_gets_through_with_its_last_byte) {
    GateTest test;
    const unique_fd peer = test.enter();
    const std::string whole = negotiation(6);
    for (std::size_t index = 0; index < whole.size(); ++index) {
        test.loop.settle();
        BOOST_TEST(test.left.empty());
        send_text(peer.get(), whole.substr(index, 1));
    }
    test.until_left(1);
    BOOST_TEST((test.left[0].exit == GateExit::whole));
}

BOOST_AUTO_TEST_CASE(what_was_handed_over_wakes_the_gate_no_more) {
    GateTest test;
    const unique_fd peer = test.enter();
    send_text(peer.get(), negotiation(6));
    test.until_left(1);
    test.loop.settle();
    const unsigned before = test.loop.turns();
    for (int count = 0; count < 100; ++count) send_text(peer.get(), "x");
    const unique_fd other = test.enter();
    send_text(other.get(), negotiation(6));
    test.until_left(2);
    BOOST_TEST(test.loop.turns() - before <= 3U);
}

BOOST_AUTO_TEST_CASE(other_protocols_are_turned_away_by_name) {
    const std::vector<std::pair<std::string, Protocol>> rows = {
        {"EHLO x\r\n", Protocol::smtp},
        {"GET / HTTP/1.1\r\n\r\n", Protocol::http},
        {"\x16\x03\x01\x02\x00"s, Protocol::tls},
        {"zPING\0"s, Protocol::clamd},
        {"\x7f\xff\xff\xffO"s, Protocol::oversized},
        {negotiation(7), Protocol::version},
        {negotiation(1), Protocol::version},
        {"\0\0\0\5Cabcd"s, Protocol::not_first},
    };
    for (const auto& [bytes, protocol] : rows) {
        GateTest test;
        const unique_fd peer = test.enter();
        send_text(peer.get(), bytes);
        test.until_left(1);
        BOOST_TEST((test.left[0].exit == GateExit::refused));
        BOOST_TEST(protocol_name(test.left[0].protocol) == protocol_name(protocol));
        BOOST_TEST(test.left[0].begin == bytes);
        BOOST_TEST(!test.left[0].connection);
        BOOST_TEST(test.gate.waiting() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(silence_and_half_a_packet_end_at_the_timeout_and_not_before) {
    GateTest test;
    const auto begin = std::chrono::steady_clock::now();
    const unique_fd silent = test.enter(100ms);
    const unique_fd half = test.enter(100ms);
    const unique_fd patient = test.enter(10min);
    send_text(half.get(), negotiation(6).substr(0, 9));
    test.until_left(2);
    BOOST_TEST((std::chrono::steady_clock::now() - begin >= 85ms)); // the grain of expiry is 10 ms
    BOOST_TEST((test.left[0].exit == GateExit::timed_out));
    BOOST_TEST((test.left[1].exit == GateExit::timed_out));
    BOOST_TEST((test.left[0].protocol == Protocol::nothing));
    BOOST_TEST((test.left[1].protocol == Protocol::incomplete));
    BOOST_TEST(at_end(silent.get()));
    BOOST_TEST(test.gate.waiting() == 1U);
}

BOOST_AUTO_TEST_CASE(trickled_bytes_extend_nothing) {
    GateTest test;
    const unique_fd peer = test.enter(200ms);
    const std::string whole = negotiation(6);
    std::size_t sent = 0;
    TimerWatcher trickle(test.loop.get(), [&] {
        if (sent < whole.size() - 1 && test.left.empty()) send_text(peer.get(), whole.substr(sent++, 1));
    });
    trickle.start(20ms, 20ms);
    test.until_left(1);
    BOOST_TEST((test.left[0].exit == GateExit::timed_out));
}

BOOST_AUTO_TEST_CASE(a_peer_that_closes_or_resets_is_gone_at_once) {
    GateTest test;
    test.enter().reset();
    unique_fd half = test.enter();
    send_text(half.get(), "\0\0"s);
    test.loop.settle();
    half.reset();
    test.until_left(2);
    BOOST_TEST((test.left[0].exit == GateExit::gone));
    BOOST_TEST((test.left[1].exit == GateExit::gone));
    BOOST_TEST(test.gate.waiting() == 0U);
}

BOOST_AUTO_TEST_CASE(the_oldest_silent_one_makes_room) {
    GateTest test(3);
    const unique_fd half = test.enter();
    send_text(half.get(), "\0\0"s);
    test.loop.settle();
    const unique_fd oldest_silent = test.enter();
    const unique_fd silent = test.enter();
    BOOST_TEST(test.left.empty());
    const unique_fd newcomer = test.enter();
    BOOST_REQUIRE(test.left.size() == 1U);
    BOOST_TEST((test.left[0].exit == GateExit::displaced));
    BOOST_TEST(at_end(oldest_silent.get()));
    BOOST_TEST(!at_end(half.get()));
    BOOST_TEST(test.gate.waiting() == 3U);
}

BOOST_AUTO_TEST_CASE(without_a_silent_one_the_oldest_makes_room) {
    GateTest test(2);
    const unique_fd first = test.enter();
    const unique_fd second = test.enter();
    send_text(first.get(), "\0"s);
    send_text(second.get(), "\0"s);
    test.loop.settle();
    const unique_fd third = test.enter();
    BOOST_TEST(at_end(first.get()));
    BOOST_TEST(!at_end(second.get()));
}

BOOST_AUTO_TEST_CASE(who_leaves_may_close_the_gate) {
    TurningLoop loop;
    int left = 0;
    std::unique_ptr<Gate> gate;
    gate = std::make_unique<Gate>(loop.get(), 3, [&](Gate::Leaving) {
        ++left;
        gate->close();
    });
    std::vector<unique_fd> peers;
    for (int i = 0; i < 4; ++i) { // the fourth displaces the first
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        peers.emplace_back(ends[1]);
        gate->add(unique_fd(ends[0]), Peer(UnixPeer{1, 7, 1}), 10min);
    }
    BOOST_TEST(left == 1);
    BOOST_TEST(gate->waiting() == 0U);
    for (const unique_fd& peer : peers) BOOST_TEST(at_end(peer.get()));
    loop.settle();
}

BOOST_AUTO_TEST_CASE(a_proxy_header_is_read_to_its_last_byte_and_the_negotiation_stays) {
    const std::string longest = proxied("192.0.2.1", 1, std::string(kLargestProxyLength - 12, 't'));
    for (const std::string& header :
         {proxied("192.0.2.1"), proxied("2001:db8::1", 1, proxy_field(200)), proxy_local(), longest}) {
        GateTest test;
        const unique_fd peer = test.enter_proxy();
        send_text(peer.get(), header + negotiation(6));
        test.until_left(1);
        BOOST_TEST((test.left[0].exit == GateExit::forwarded));
        BOOST_REQUIRE(test.left[0].header.has_value());
        BOOST_TEST(test.left[0].header->size == header.size());
        test.gate.go_on(std::move(test.left[0]));
        test.until_left(2);
        BOOST_TEST((test.left[1].exit == GateExit::whole));
        std::string bytes(64, '\0');
        const ssize_t got = ::recv(test.left[1].connection.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        BOOST_TEST(bytes.substr(0, static_cast<std::size_t>(got)) == negotiation(6));
    }
}

BOOST_AUTO_TEST_CASE(a_proxy_header_and_the_negotiation_may_come_byte_by_byte) {
    GateTest test;
    const unique_fd peer = test.enter_proxy();
    const std::string header = proxied("192.0.2.1", 4711, proxy_field(20));
    for (const char byte : header) {
        test.loop.settle();
        BOOST_TEST(test.left.empty());
        send_text(peer.get(), std::string(1, byte));
    }
    test.until_left(1);
    BOOST_TEST(to_text(*test.left[0].header->client) == "192.0.2.1:4711");
    test.gate.go_on(std::move(test.left[0]));
    for (const char byte : negotiation(6)) {
        test.loop.settle();
        BOOST_TEST(test.left.size() == 1U);
        send_text(peer.get(), std::string(1, byte));
    }
    test.until_left(2);
    BOOST_TEST((test.left[1].exit == GateExit::whole));
}

BOOST_AUTO_TEST_CASE(what_is_no_proxy_header_where_one_is_expected_is_turned_away_by_name) {
    const std::vector<std::pair<std::string, Protocol>> rows = {
        {negotiation(6), Protocol::no_proxy_header},
        {"EHLO x\r\n", Protocol::no_proxy_header},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", Protocol::proxy_header_1},
        {proxy_header('\x22', '\x11', std::string(12, 'a')), Protocol::bad_proxy_header},
        {proxy_header('\x21', '\x11', std::string(65535, 'a')), Protocol::long_proxy_header},
    };
    for (const auto& [bytes, protocol] : rows) {
        GateTest test;
        const unique_fd peer = test.enter_proxy();
        send_text(peer.get(), bytes);
        test.until_left(1);
        BOOST_TEST((test.left[0].exit == GateExit::refused));
        BOOST_TEST((test.left[0].protocol == protocol));
        BOOST_TEST(bytes.starts_with(test.left[0].begin));
        BOOST_TEST(!test.left[0].begin.empty());
        BOOST_TEST(!test.left[0].connection);
    }
}

BOOST_AUTO_TEST_CASE(header_and_negotiation_share_one_timeout) {
    GateTest test;
    const auto begin = std::chrono::steady_clock::now();
    const unique_fd silent = test.enter_proxy(300ms);
    const unique_fd half = test.enter_proxy(300ms);
    const unique_fd no_negotiation = test.enter_proxy(300ms);
    send_text(half.get(), proxied("192.0.2.1").substr(0, 20));
    send_text(no_negotiation.get(), proxied("192.0.2.1"));
    test.until_left(1);
    BOOST_REQUIRE((test.left[0].exit == GateExit::forwarded));
    test.gate.go_on(std::move(test.left[0]));
    test.until_left(4);
    BOOST_TEST((std::chrono::steady_clock::now() - begin >= 285ms));
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 10min));
    std::vector<Protocol> protocols;
    for (std::size_t i = 1; i < 4; ++i) {
        BOOST_TEST((test.left[i].exit == GateExit::timed_out));
        protocols.push_back(test.left[i].protocol);
        BOOST_TEST(test.left[i].deadline_ns - test.left[i].since_ns == std::chrono::nanoseconds(300ms).count());
    }
    BOOST_TEST((protocols == std::vector{Protocol::nothing, Protocol::half_proxy_header, Protocol::nothing}));
}

BOOST_AUTO_TEST_CASE(a_proxy_that_closes_within_its_header_is_gone) {
    GateTest test;
    test.enter_proxy().reset();
    unique_fd half = test.enter_proxy();
    send_text(half.get(), proxied("192.0.2.1").substr(0, 20));
    test.loop.settle();
    half.reset();
    test.until_left(2);
    BOOST_TEST((test.left[0].exit == GateExit::gone));
    BOOST_TEST((test.left[1].exit == GateExit::gone));
    BOOST_TEST((test.left[1].protocol == Protocol::half_proxy_header));
}

BOOST_AUTO_TEST_CASE(connections_are_counted_by_peer) {
    GateTest test;
    const unique_fd a = test.enter(10min, 1);
    const unique_fd b = test.enter(10min, 1);
    const unique_fd c = test.enter(10min, 2);
    BOOST_TEST(test.gate.of_peer("unix:uid=1") == 2U);
    BOOST_TEST(test.gate.of_peer("unix:uid=2") == 1U);
    send_text(a.get(), "EHLO x\r\n");
    test.until_left(1);
    BOOST_TEST(test.gate.of_peer("unix:uid=1") == 1U);
    // One that a proxy has not named yet is nobody's.
    const unique_fd unnamed = test.enter(10min, 1, Gate::First::proxy_header);
    BOOST_TEST(test.gate.of_peer("unix:uid=1") == 1U);
    send_text(unnamed.get(), "x");
    test.until_left(2);
    BOOST_TEST(test.gate.of_peer("unix:uid=1") == 1U);
    test.gate.close();
    BOOST_TEST(test.gate.of_peer("unix:uid=1") == 0U);
    BOOST_TEST(test.gate.waiting() == 0U);
    BOOST_TEST(at_end(b.get()));
}

// Counted in turns of the loop: a level-triggered watcher would turn it without end.
BOOST_AUTO_TEST_CASE(a_thousand_peers_that_sent_a_part_do_not_turn_the_loop) {
    rlimit limit{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlim_t before_limit = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    {
        GateTest test;
        std::vector<unique_fd> peers;
        for (std::size_t index = 0; index < 1000; ++index) {
            peers.push_back(test.enter());
            send_text(peers.back().get(), negotiation(6).substr(0, 1 + index % 16));
        }
        test.loop.settle();
        const unsigned before = test.loop.turns();
        bool over = false;
        TimerWatcher second(test.loop.get(), [&over] { over = true; });
        second.start(1s);
        test.loop.until("a second has passed", [&over] { return over; });
        BOOST_TEST(test.loop.turns() - before <= 20U);
        BOOST_TEST(test.left.empty());
        BOOST_TEST(test.gate.waiting() == 1000U);
    }
    limit.rlim_cur = before_limit;
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
