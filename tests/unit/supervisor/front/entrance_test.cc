// From accept(2) to hand-over: what is counted, and who is turned away.
#include "supervisor/front/entrance.h"

#include <boost/test/unit_test.hpp>

#include "tests/support/proxy_header.h"
#include "tests/unit/supervisor/operations_of_test.h"
#include "tests/unit/supervisor/turning_loop.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;
using evermilter::test::proxied;
using evermilter::test::proxy_header;
using evermilter::test::proxy_local;
using namespace std::string_literals;

namespace {

const std::string kNegotiation = "\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"s;

struct EntranceTest {
    EntranceTest() {
        operations.the_config.milter.listen = {"unix:" + path};
        BOOST_REQUIRE(entrance.apply().ok());
    }
    unique_fd connect(const std::string& bytes) {
        unique_fd fd = connect_unix(path);
        BOOST_REQUIRE(fd);
        if (!bytes.empty()) send_text(fd.get(), bytes);
        return fd;
    }
    [[nodiscard]] std::uint64_t refused(Refused reason) const {
        return operations.the_state.counters.get("sessions.refused_total", reason);
    }
    // With milter.proxy, at a unix socket, whose every peer is trusted as a proxy; 192.0.2.0/24 has mail servers.
    void expect_proxy() {
        operations.the_config.milter.proxy = true;
        operations.the_config.milter.allow = {"192.0.2.0/24"};
        BOOST_REQUIRE(entrance.apply().ok());
    }
    // As the supervisor does after a hand-over.
    void register_last() {
        operations.the_state.sessions.add(
            {operations.the_state.next_session++, operations.handed_over.back().second, 1, 0});
    }

    TurningLoop loop;
    Folder folder;
    std::string path = folder.path("m.sock");
    OperationsOfTest operations;
    Counters& counters = operations.the_state.counters;
    Entrance entrance{loop.get(), operations};
};

} // namespace

BOOST_AUTO_TEST_SUITE(entrance)

BOOST_AUTO_TEST_CASE(a_negotiated_connection_is_handed_over_and_counted_once) {
    EntranceTest test;
    const unique_fd mta = test.connect(kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 1; });
    BOOST_TEST(test.counters.accepted() == 1U);
    for (std::size_t reason = 0; reason < kRefusals; ++reason)
        BOOST_TEST(test.refused(static_cast<Refused>(reason)) == 0U);
    BOOST_TEST(test.entrance.waiting() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stranger_is_refused_by_its_protocol_and_not_accepted) {
    EntranceTest test;
    const unique_fd stranger = test.connect("EHLO x\r\n");
    test.loop.until("refused", [&] { return test.refused(Refused::smtp) == 1; });
    BOOST_TEST(test.counters.accepted() == 0U);
    BOOST_TEST(test.operations.handed_over.empty());
}

BOOST_AUTO_TEST_CASE(a_silent_one_is_a_timeout_of_the_negotiation) {
    EntranceTest test;
    test.operations.the_config.timeouts.negotiate = std::chrono::milliseconds(50);
    const unique_fd silent = test.connect("");
    test.loop.until("timed out",
                    [&] { return test.counters.get("sessions.timed_out_total", Timeout::negotiate) == 1; });
    BOOST_TEST(test.counters.accepted() == 1U);
    BOOST_TEST(at_end(silent.get()));
}

BOOST_AUTO_TEST_CASE(past_max_sessions_new_connections_are_closed_at_once_and_those_in_the_gate_do_not_count) {
    EntranceTest test;
    test.operations.the_config.milter.max_sessions = 1;
    const unique_fd stranger = test.connect("");
    const unique_fd first = test.connect(kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 1; });
    test.register_last();
    const unique_fd second = test.connect("");
    test.loop.until("refused", [&] { return test.refused(Refused::max_sessions) == 1; });
    BOOST_TEST(at_end(second.get()));
    BOOST_TEST(!at_end(stranger.get()));
    // Who was in the gate before finds the house full.
    send_text(stranger.get(), kNegotiation);
    test.loop.until("refused", [&] { return test.refused(Refused::max_sessions) == 2; });
    BOOST_TEST(test.operations.handed_over.size() == 1U);
    BOOST_TEST(test.counters.accepted() == 1U);
}

BOOST_AUTO_TEST_CASE(max_sessions_per_peer_counts_the_gate_too) {
    EntranceTest test;
    test.operations.the_config.milter.max_sessions_per_peer = 2;
    const unique_fd first = test.connect(kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 1; });
    test.register_last();
    const unique_fd second = test.connect("");
    const unique_fd third = test.connect("");
    test.loop.until("refused", [&] { return test.refused(Refused::max_sessions_per_peer) == 1; });
    BOOST_TEST(at_end(third.get()));
    send_text(second.get(), kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 2; });
}

BOOST_AUTO_TEST_CASE(who_is_not_in_milter_allow_is_closed_at_accept) {
    EntranceTest test;
    test.operations.the_config.milter.listen = {"inet:0@127.0.0.1"};
    test.operations.the_config.milter.allow = {"192.0.2.0/24"};
    BOOST_REQUIRE(test.entrance.apply().ok());
    const std::string address = test.entrance.addresses().at(0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(5))));
    const unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    test.loop.until("refused", [&] { return test.refused(Refused::not_allowed) == 1; });
    BOOST_TEST(test.counters.accepted() == 0U);
}

BOOST_AUTO_TEST_CASE(behind_a_proxy_the_mail_server_of_the_header_is_handed_over) {
    EntranceTest test;
    test.expect_proxy();
    const unique_fd mta = test.connect(proxied("192.0.2.1", 4711) + kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 1; });
    const Peer& peer = test.operations.handed_over.back().second;
    BOOST_TEST(to_text(peer.address) == "192.0.2.1:4711");
    BOOST_TEST(peer.text == "192.0.2.1:4711");
    BOOST_TEST(peer.key == "192.0.2.1");
    BOOST_TEST(peer.proxy.starts_with("unix pid="));
    BOOST_TEST(test.counters.accepted() == 1U);
}

BOOST_AUTO_TEST_CASE(behind_a_proxy_allow_is_asked_about_the_mail_server_of_the_header) {
    EntranceTest test;
    test.expect_proxy();
    const unique_fd stranger = test.connect(proxied("198.51.100.1") + kNegotiation);
    test.loop.until("refused", [&] { return test.refused(Refused::not_allowed) == 1; });
    BOOST_TEST(at_end(stranger.get()));
    BOOST_TEST(test.operations.handed_over.empty());
    BOOST_TEST(test.counters.accepted() == 0U);
}

BOOST_AUTO_TEST_CASE(behind_a_proxy_each_mail_server_has_its_own_cap_the_gate_included) {
    EntranceTest test;
    test.operations.the_config.milter.max_sessions_per_peer = 2;
    test.expect_proxy();
    const unique_fd first = test.connect(proxied("192.0.2.1", 1) + kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 1; });
    test.register_last();
    const unique_fd in_gate = test.connect(proxied("192.0.2.1", 2));
    test.loop.until("its header is read", [&] {
        const auto guests = test.entrance.guests();
        return guests.size() == 1 && guests[0].peer == "192.0.2.1:2" && guests[0].proxy.starts_with("unix ");
    });
    const unique_fd third = test.connect(proxied("192.0.2.1", 3));
    test.loop.until("refused", [&] { return test.refused(Refused::max_sessions_per_peer) == 1; });
    BOOST_TEST(at_end(third.get()));
    const unique_fd other = test.connect(proxied("192.0.2.2", 1) + kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 2; });
    send_text(in_gate.get(), kNegotiation);
    test.loop.until("handed over", [&] { return test.operations.handed_over.size() == 3; });
}

BOOST_AUTO_TEST_CASE(a_proxys_own_connection_and_one_without_an_address_keep_the_address_of_the_proxy) {
    EntranceTest test;
    test.expect_proxy();
    for (const std::string& header :
         {proxy_local(), proxy_header('\x21', '\0', ""), proxy_header('\x21', '\x31', std::string(216, 'u'))}) {
        const std::size_t before = test.operations.handed_over.size();
        const unique_fd own = test.connect(header + kNegotiation);
        test.loop.until("handed over", [&] { return test.operations.handed_over.size() == before + 1; });
        const Peer& peer = test.operations.handed_over.back().second;
        BOOST_TEST(std::holds_alternative<UnixPeer>(peer.address));
        BOOST_TEST(peer.of_proxy == (header == proxy_local()));
    }
}

BOOST_AUTO_TEST_CASE(each_fault_of_a_proxy_header_is_counted_by_its_own_reason) {
    EntranceTest test;
    test.expect_proxy();
    const std::vector<std::pair<std::string, Refused>> rows = {
        {kNegotiation, Refused::proxy_missing},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", Refused::proxy_text},
        {proxy_header('\x21', '\x99', ""), Refused::proxy_malformed},
        {proxied("192.0.2.1") + proxied("192.0.2.1"), Refused::proxy}, // twice
    };
    for (const auto& [bytes, reason] : rows) {
        const unique_fd peer = test.connect(bytes);
        test.loop.until("refused", [&, why = reason] { return test.refused(why) == 1; });
    }
    BOOST_TEST(test.counters.accepted() == 0U);
    BOOST_TEST(test.entrance.waiting() == 0U);
}

BOOST_AUTO_TEST_CASE(without_a_worker_the_connection_is_refused) {
    EntranceTest test;
    test.operations.has_room = false;
    const unique_fd mta = test.connect(kNegotiation);
    test.loop.until("refused", [&] { return test.refused(Refused::no_worker) == 1; });
    BOOST_TEST(test.counters.accepted() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
