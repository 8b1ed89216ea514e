// Listeners with `proxy`: the mail server of the PROXY header is the peer, only trusted proxies may send one, and
// whatever is no header is closed, named and counted.
#include "tests/support/proxy_header.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>

#include "tests/integration/reloading.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;

namespace {

const std::string kNegotiation = "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"s;

// A service that expects PROXY headers at a TCP listener, for mail servers of 192.0.2.0/24.
struct Behind : Service {
    explicit Behind(const Keys& keys = {}) : Service(with_proxy(keys)) { start(); }
    static Keys with_proxy(Keys keys) {
        keys.try_emplace("milter.listen", "[\"inet:0@127.0.0.1\"]");
        keys.try_emplace("milter.proxy", "true");
        keys.try_emplace("milter.allow", "[\"192.0.2.0/24\"]");
        return keys;
    }
    [[nodiscard]] std::string tcp() const {
        const json now = status();
        for (const json& one : now.at("listeners"))
            if (one.get<std::string>().starts_with("inet:")) return one;
        throw std::runtime_error("no TCP listener");
    }
    // Connected; has sent what the proxy sends.
    [[nodiscard]] MilterClient connected(std::string_view header) const {
        MilterClient client(tcp());
        client.send_raw(header);
        return client;
    }
    [[nodiscard]] json refused(const char* reason) const {
        return status().at("sessions").at("refused_total").at(reason);
    }
    void wait_refused(const char* reason, int count = 1) const {
        wait_status("it is counted as "s + reason,
                    [&](const json& now) { return now.at("sessions").at("refused_total").at(reason) == count; });
    }
    void serves(std::string_view header) const {
        MilterClient client = connected(header);
        client.open();
        BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1"));
        BOOST_TEST(client.message(clean_mail()).status() == "Clean");
        client.quit();
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(proxy_test)

BOOST_AUTO_TEST_CASE(sessions_and_log_show_the_mail_server_of_the_header) {
    const Behind service;
    MilterClient v4 = service.connected(proxied("192.0.2.1", 4711, proxy_field(100)));
    v4.open();
    const json list = json::parse(service.ctl({"--json", "sessions"}).output).at("sessions");
    BOOST_REQUIRE(list.size() == 1U);
    BOOST_TEST(list[0].at("peer") == "192.0.2.1:4711");
    BOOST_TEST(list[0].at("proxy").get<std::string>().starts_with("127.0.0.1:"));
    BOOST_TEST(v4.message(eicar_attached()).text().starts_with("550 5.7.1"));
    service.wait_log({"event=message", "verdict=infected", "peer=192.0.2.1:4711"});
    BOOST_TEST(service.status().at("sessions").at("accepted_total") == 1);
}

BOOST_AUTO_TEST_CASE(allow_is_asked_about_the_mail_server_of_the_header_and_not_about_the_proxy) {
    const Behind service;
    service.serves(proxied("192.0.2.1"));
    service.serves(proxied("::ffff:192.0.2.2"));
    for (const char* address : {"198.51.100.1", "127.0.0.1", "2001:db8::1"}) {
        MilterClient stranger = service.connected(proxied(address) + kNegotiation);
        stranger.wait_closed();
    }
    service.wait_refused("not_allowed", 3);
    service.wait_log({"connection-refused", "reason=not_allowed", "peer=198.51.100.1:4711", "proxy=127.0.0.1:"});
    BOOST_TEST(service.status().at("sessions").at("accepted_total") == 2);
    // The header names nobody: the address of the connection is in question, and is not in allow.
    MilterClient unnamed = service.connected(proxy_header('\x21', '\0', "") + kNegotiation);
    unnamed.wait_closed();
    service.wait_refused("not_allowed", 4);
    // The proxy's own connection, by which it checks the service.
    service.serves(proxy_local());
}

BOOST_AUTO_TEST_CASE(each_mail_server_behind_the_proxy_has_its_own_cap) {
    const Behind service(Keys{{"milter.max_sessions_per_peer", "2"}});
    std::vector<MilterClient> held;
    for (const char* address : {"192.0.2.1", "192.0.2.2"}) {
        for (int i = 0; i < 2; ++i) {
            held.push_back(service.connected(proxied(address, static_cast<std::uint16_t>(1 + i))));
            held.back().open();
        }
        MilterClient third = service.connected(proxied(address, 3) + kNegotiation);
        third.wait_closed();
    }
    service.wait_refused("max_sessions_per_peer", 2);
    for (MilterClient& client : held) BOOST_TEST(client.message(clean_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(header_and_negotiation_share_the_budget_of_the_negotiation) {
    const Behind service(Keys{{"timeouts.negotiate", "\"2s\""}});
    const std::string header = proxied("192.0.2.1");
    MilterClient trickling = service.connected("");
    MilterClient half = service.connected(header.substr(0, 15));
    MilterClient late = service.connected(header);
    const auto trickle = [&] {
        for (const char byte : header + kNegotiation) {
            trickling.send_raw(std::string(1, byte));
            std::this_thread::sleep_for(100ms);
        }
        (void)trickling.receive();
    };
    BOOST_CHECK_THROW(trickle(), ConnectionEnded);
    half.wait_closed();
    late.wait_closed();
    service.wait_log({"session-timed-out", "stage=negotiate", "reason=proxy_incomplete", "peer=127.0.0.1:"});
    service.wait_log({"session-timed-out", "stage=negotiate", "reason=nothing", "peer=192.0.2.1:4711"});
    // In time it may come in any pieces.
    MilterClient pieces = service.connected("");
    for (const char byte : header + kNegotiation) pieces.send_raw(std::string(1, byte));
    BOOST_TEST(pieces.receive().command == 'O');
}

BOOST_AUTO_TEST_CASE(what_is_no_header_is_closed_named_and_counted_and_reaches_no_worker) {
    const Behind service;
    struct Row {
        const char* reason;
        std::string says;
        const char* remark;
    };
    const std::string long_one = proxy_header('\x21', '\x11', std::string(65535, 'x'));
    const std::vector<Row> rows = {
        {"proxy_missing", kNegotiation, "send-proxy-v2"},
        {"proxy_text", "PROXY TCP4 192.0.2.1 127.0.0.1 4711 7357\r\n" + kNegotiation, "send-proxy-v2"},
        {"proxy_malformed", proxy_header('\x21', '\x12', std::string(12, 'a')), "malformed"},
        {"proxy_malformed", long_one.substr(0, 16), "more than 4096 bytes"},
        {"proxy", proxied("192.0.2.1") + proxied("192.0.2.1"), "second PROXY header"},
    };
    std::map<std::string, int> expected;
    for (const Row& row : rows) {
        MilterClient client = service.connected(row.says);
        client.wait_closed();
        service.wait_refused(row.reason, ++expected[row.reason]);
    }
    service.wait_log({"connection-refused", "reason=proxy_missing", "send-proxy-v2"});
    service.wait_log({"connection-refused", "reason=proxy_text", "send-proxy-v2"});
    service.wait_log({"connection-refused", "reason=proxy_malformed"});
    service.wait_log({"connection-refused", "reason=proxy ", "second PROXY header", "peer=192.0.2.1:4711"});
    BOOST_TEST(service.status().at("sessions").at("accepted_total") == 0);
    service.serves(proxied("192.0.2.1"));
}

BOOST_AUTO_TEST_CASE(who_is_not_in_proxy_from_is_closed_whatever_it_sends) {
    const Behind service(Keys{{"milter.proxy_from", "[\"192.0.2.0/24\"]"}});
    for (const std::string& bytes : {proxied("192.0.2.1") + kNegotiation, proxy_local() + kNegotiation, kNegotiation}) {
        MilterClient client(service.tcp());
        try {
            client.send_raw(bytes);
        } catch (const std::runtime_error&) { // closed already
        }
        client.wait_closed();
    }
    service.wait_refused("proxy_untrusted", 3);
    service.wait_log({"connection-refused", "reason=proxy_untrusted", "peer=127.0.0.1:", "milter.proxy_from"});
    BOOST_TEST(service.status().at("sessions").at("accepted_total") == 0);
}

BOOST_AUTO_TEST_CASE(without_proxy_a_header_is_refused_and_the_log_says_what_to_set) {
    const Behind service(Keys{{"milter.proxy", "false"}, {"milter.allow", "[\"127.0.0.1\"]"}});
    for (const std::string& bytes : {proxied("192.0.2.1") + kNegotiation, "PROXY TCP4 192.0.2.1 1.2.3.4 1 2\r\n"s}) {
        MilterClient client = service.connected(bytes);
        client.wait_closed();
    }
    service.wait_refused("proxy", 2);
    service.wait_log({"connection-refused", "reason=proxy ", "PROXY header, but proxy is not set"});
    service.serves("");
}

BOOST_AUTO_TEST_CASE(a_listener_expects_headers_beside_one_that_does_not_and_the_probe_knows_both) {
    Service service;
    const std::string address = "unix:" + service.path("proxied.sock").string();
    service.set("listener", "[{name = \"proxied\", address = [\"" + address +
                                "\"], proxy = true, allow = [\"192.0.2.0/24\"], actions.infected = \"discard\"}]");
    service.start();
    MilterClient direct = service.session();
    BOOST_TEST(direct.message(eicar_attached()).text().starts_with("550 5.7.1"));
    MilterClient behind(address);
    behind.send_raw(proxied("192.0.2.1"));
    behind.open();
    BOOST_TEST(behind.message(eicar_attached()).text() == "discard");
    BOOST_TEST(service.status().at("proxy_listeners") == json::array({address}));
    MilterClient refused(address);
    refused.send_raw(proxied("198.51.100.1") + kNegotiation);
    refused.wait_closed();
    service.wait_log({"connection-refused", "reason=not_allowed", "listener=proxied", "peer=198.51.100.1:4711"});

    // Only the one with headers is left: the probe sends one.
    service.set("milter.listen", "[]");
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    BOOST_TEST(service.ctl({"probe"}).status == 0);
    BOOST_TEST(service.ctl({"probe", "--milter", address, "--proxy"}).status == 0);
    BOOST_TEST(service.ctl({"probe", "--milter", address}).status != 0);
}

BOOST_AUTO_TEST_SUITE_END()
