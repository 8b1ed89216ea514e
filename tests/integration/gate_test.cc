// Strangers at the milter socket of a running service: they are named and counted, cost no worker, and lock nobody out.
#include <sys/socket.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <thread>

#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const std::string kNegotiation = "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"s;

struct Stranger {
    const char* reason; // in the log and in refused_total
    std::string says;
};

const std::vector<Stranger>& strangers() {
    static const std::vector<Stranger> all = {
        {"smtp", "EHLO mx.example.org\r\n"},
        {"http", "GET / HTTP/1.1\r\n"},
        {"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s},
        {"clamd", "zINSTREAM\0"s},
        {"clamd", "nPING\n"},
        {"axigen", "FROM: <a@example.org>\r\n"},
        {"axigen", "CNIP: 192.0.2.1\r\n"},
        {"axigen", "VERI: 1\r\n"},
        {"oversized", "\x7f\xff\xff\xffO"s},
        {"version", "\0\0\0\x0dO\0\0\0\x07\0\0\x01\xff\0\x1f\xff\xff"s},
        {"version", "\0\0\0\x0dO\0\0\0\x01\0\0\x01\xff\0\x1f\xff\xff"s},
        {"not_negotiation", "\0\0\0\x05Habcd"s},
    };
    return all;
}

// A service that also listens on TCP; `tcp` is that listener.
struct Open {
    explicit Open(const Keys& keys = {}) : service(with_tcp(keys)) {
        service.start();
        const nlohmann::json status = service.status();
        for (const auto& address : status.at("listeners"))
            if (address.get<std::string>().starts_with("inet:")) tcp = address;
        if (tcp.empty()) throw std::runtime_error("no TCP listener");
    }
    static Keys with_tcp(Keys keys) {
        keys["milter.listen"] = "[\"inet:0@127.0.0.1\"]";
        return keys;
    }
    [[nodiscard]] MilterClient client() const { return MilterClient(tcp); }
    [[nodiscard]] nlohmann::json sessions() const { return service.status().at("sessions"); }

    Service service;
    std::string tcp;
};

void serves(const Open& open) {
    MilterClient client = open.client();
    client.open();
    BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1"));
    client.quit();
}

} // namespace

BOOST_AUTO_TEST_SUITE(gate_test)

BOOST_AUTO_TEST_CASE(other_protocols_are_closed_named_and_counted_and_reach_no_worker) {
    const Open open;
    std::map<std::string, int> expected;
    for (const Stranger& stranger : strangers()) {
        MilterClient client = open.client();
        client.send_raw(stranger.says);
        client.wait_closed();
        ++expected[stranger.reason];
        open.service.wait_log({"connection-refused", "reason="s + stranger.reason, "peer="});
    }
    const nlohmann::json sessions = open.sessions();
    for (const auto& [reason, count] : expected) BOOST_TEST(sessions.at("refused_total").at(reason) == count, reason);
    BOOST_TEST(sessions.at("accepted_total") == 0);
    BOOST_TEST(sessions.at("open") == 0);
    serves(open);
}

// As scanners of networks look for milters: this negotiation, CONNECT from "localhost" of an unknown family, no more.
BOOST_AUTO_TEST_CASE(a_scanner_that_looks_for_a_milter_is_named_once_a_minute_and_served_nothing) {
    const Open open(Keys{{"workers.session_min", "1"}, {"workers.session_max", "1"}});
    const std::string detection = "\0\0\0\x0dO\0\0\0\x02\0\0\0\x7f\0\0\0\0"s;
    const std::string connect = "\0\0\0\x0c"s + "Clocalhost\0U"s;
    for (int i = 0; i < 3; ++i) {
        MilterClient client = open.client();
        client.send_raw(detection);
        (void)client.receive();
        client.send_raw(connect);
        (void)client.receive();
        client.close();
    }
    open.service.wait_status("all are counted", [](const nlohmann::json& status) {
        return status.at("sessions").at("detections_total") == 3;
    });
    BOOST_TEST(open.sessions().at("accepted_total") == 0);
    open.service.wait_log({"event=milter-detection", "peer=127.0.0.1:"});
    const std::string log = open.service.log();
    BOOST_TEST(log.find("event=milter-detection") == log.rfind("event=milter-detection"));
    // Only the worker's test of itself has ended sessions.
    for (std::size_t at = 0; (at = log.find("event=session-ended", at)) != std::string::npos; ++at)
        BOOST_TEST(log.substr(at, log.find('\n', at) - at).find("peer=127.0.0.1") == std::string::npos);
    // One that goes on to send mail is served, and is none.
    MilterClient mail = open.client();
    mail.send_raw(detection);
    (void)mail.receive();
    mail.send_raw(connect);
    (void)mail.receive();
    mail.send('H', "client.example.net\0"s);
    (void)mail.receive();
    mail.quit();
    serves(open);
    BOOST_TEST(open.sessions().at("accepted_total") == 2);
    BOOST_TEST(open.sessions().at("detections_total") == 3);
}

BOOST_AUTO_TEST_CASE(silence_and_half_a_packet_end_at_the_timeout_of_the_negotiation) {
    const Open open(Keys{{"timeouts.negotiate", "\"3s\""}});
    MilterClient silent = open.client();
    MilterClient half = open.client();
    half.send_raw(kNegotiation.substr(0, 9));
    MilterClient trickling = open.client();
    const auto trickle = [&] {
        for (const char byte : kNegotiation) {
            trickling.send_raw(std::string(1, byte));
            std::this_thread::sleep_for(250ms);
        }
        (void)trickling.receive();
    };
    BOOST_CHECK_THROW(trickle(), ConnectionEnded);
    silent.wait_closed();
    half.wait_closed();
    open.service.wait_log({"session-timed-out", "stage=negotiate", "reason=nothing"});
    open.service.wait_log({"session-timed-out", "stage=negotiate", "reason=incomplete"});
    serves(open);
}

BOOST_AUTO_TEST_CASE(who_resets_or_goes_in_any_moment_leaves_nothing) {
    const Open open;
    for (std::size_t sent = 0; sent <= kNegotiation.size(); ++sent) {
        MilterClient resets = open.client();
        resets.send_raw(kNegotiation.substr(0, sent));
        resets.reset();
        MilterClient closes = open.client();
        closes.send_raw(kNegotiation.substr(0, sent));
        closes.close();
    }
    open.service.wait_status("all are gone",
                             [](const nlohmann::json& status) { return status.at("sessions").at("open") == 0; });
    BOOST_TEST(open.service.status().at("crashes").at("session") == 0);
    serves(open);
}

BOOST_DATA_TEST_CASE(each_protocol_version_comes_through_the_gate, boost::unit_test::data::xrange(2, 7), version) {
    const Open open;
    MilterClient client = open.client();
    client.open(Offer::of_version(static_cast<std::uint32_t>(version)));
    BOOST_TEST(client.version() == static_cast<std::uint32_t>(version));
    BOOST_TEST(client.message(eicar_attached()).text() != "accept");
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    // QUIT_NC: the connection goes on without passing the gate again.
    client.quit_nc();
    client.connect();
    client.helo();
    BOOST_TEST(client.message(clean_mail("again")).status() == "Clean");
    BOOST_TEST(open.sessions().at("accepted_total") == 1);
}

BOOST_AUTO_TEST_CASE(a_thousand_peers_that_sent_a_part_cost_the_supervisor_nearly_nothing) {
    const Open open(Keys{{"timeouts.negotiate", "\"10m\""}});
    std::vector<MilterClient> peers;
    for (std::size_t number = 0; number < 1000; ++number) {
        peers.push_back(open.client());
        peers.back().send_raw(kNegotiation.substr(0, 1 + number % 16));
    }
    open.service.wait_status("all are there", [](const nlohmann::json& status) {
        return status.at("sessions").at("by_stage").at("negotiate") == 1000;
    });
    serves(open);
    const auto ticks = [&] { return process(open.service.pid()).value().cpu_ticks; };
    const std::uint64_t before = ticks();
    std::this_thread::sleep_for(3s);
    // A loop that spins would take nearly all of the 300 ticks in that time.
    BOOST_TEST(ticks() - before <= 15);
    BOOST_TEST(open.sessions().at("by_stage").at("negotiate") == 1000);
    // Each peer may still finish its negotiation.
    for (std::size_t number = 0; number < 1000; number += 111) {
        peers[number].send_raw(kNegotiation.substr(1 + number % 16));
        BOOST_TEST(peers[number].receive().command == 'O');
    }
}

BOOST_AUTO_TEST_SUITE_END()
