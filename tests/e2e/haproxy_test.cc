// Two evermilters behind a real HAProxy with the configuration of contrib/haproxy: what mail servers see of its health
// checks, of a node that dies, is drained, stopped, or reloads.
#include "tests/e2e/haproxy.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <deque>
#include <set>
#include <string>

#include "tests/e2e/mail_server.h"
#include "tests/e2e/postfix.h"
#include "tests/e2e/site.h"
#include "tests/e2e/smtp_client.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/traffic.h"

namespace {

using namespace evermilter::test;
using nlohmann::json;

constexpr unsigned kSenders = 3; // at a time

// One of the machines: its port stays the same when it starts again.
struct Node : Service {
    Node() {
        set("milter.listen", "[\"inet:" + std::to_string(port) + "@127.0.0.1\"]");
        set("milter.proxy", "true");
        start();
    }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port); }
    [[nodiscard]] std::uint64_t messages() const {
        const json counted = status().at("messages");
        return counted.at("clean").get<std::uint64_t>() + counted.at("infected").get<std::uint64_t>();
    }
    void wait_more_messages() const {
        const std::uint64_t before = messages();
        wait_until("it has further mail", [&] { return messages() > before; });
    }
    // Peers of the sessions that came by HAProxy, its checks left out.
    [[nodiscard]] std::set<std::string> peers() const {
        std::set<std::string> all;
        const json list = json::parse(ctl({"--json", "sessions"}).output).at("sessions");
        for (const json& one : list)
            if (one.at("peer") != one.at("proxy") && one.at("proxy") != "") all.insert(one.at("peer"));
        return all;
    }
    // All at once: the supervisor first, which holds the listening socket.
    void die() const {
        signal(SIGKILL);
        for (const Process& one : processes()) ::kill(one.pid, SIGKILL);
    }

    std::uint16_t port = free_port();
};

struct Balanced {
    Node first;
    Node second;
    Haproxy haproxy{first.address(), second.address()};
};

// Mail that flows through HAProxy while something happens.
struct Load {
    explicit Load(const Haproxy& haproxy) {
        for (unsigned number = 0; number < kSenders; ++number) senders.emplace_back(haproxy.address(), number);
    }
    void more(std::uint64_t messages) const {
        for (const Traffic& one : senders) one.more(messages);
    }
    void finish() {
        for (Traffic& one : senders) one.finish();
        for (const Traffic& one : senders) {
            BOOST_TEST(one.wrong() == "");
            cut += one.cut();
            tempfailed += one.tempfailed();
        }
    }

    std::deque<Traffic> senders;
    std::uint64_t cut = 0;
    std::uint64_t tempfailed = 0;
};

std::string own_address(const MilterClient& client) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    BOOST_REQUIRE(::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    return "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
}

} // namespace

BOOST_AUTO_TEST_SUITE(haproxy_test)

BOOST_AUTO_TEST_CASE(sessions_are_shared_and_each_node_knows_the_mail_servers) {
    const Balanced site;
    std::deque<MilterClient> clients;
    std::set<std::string> own;
    for (int i = 0; i < 6; ++i) {
        clients.emplace_back(site.haproxy.address()).open();
        own.insert(own_address(clients.back()));
    }
    const std::set<std::string> first = site.first.peers();
    const std::set<std::string> second = site.second.peers();
    BOOST_TEST(first.size() == 3U);
    BOOST_TEST(second.size() == 3U);
    std::set<std::string> both = first;
    both.insert(second.begin(), second.end());
    BOOST_TEST(both == own, boost::test_tools::per_element());
    for (MilterClient& client : clients) {
        BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1"));
        BOOST_TEST(client.message(clean_mail()).status() == "Clean");
        client.quit();
    }
    site.first.wait_log({"event=message", "verdict=infected", "peer=" + *first.begin()});
    // Neither checks nor sessions were refused, and a check is no fault of a session.
    for (const Node* node : {&site.first, &site.second}) {
        for (const auto& [reason, count] : node->status().at("sessions").at("refused_total").items())
            BOOST_TEST(count == 0, reason);
        BOOST_TEST(node->log().find("event=session-ended") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_node_that_accepts_but_does_not_answer_is_down) {
    const Balanced site;
    stop_process(site.first.pid());
    site.haproxy.wait_state(Haproxy::kFirst, "DOWN");
    for (int i = 0; i < 4; ++i) {
        MilterClient client(site.haproxy.address());
        client.open();
        BOOST_TEST(client.message(clean_mail()).status() == "Clean");
        client.quit();
    }
    continue_process(site.first.pid());
    site.haproxy.wait_state(Haproxy::kFirst, "UP");
}

BOOST_AUTO_TEST_CASE(a_node_that_dies_cuts_its_own_sessions_and_no_other_and_no_verdict_is_wrong) {
    Balanced site;
    Load load(site.haproxy);
    site.first.wait_more_messages();
    site.second.wait_more_messages();
    site.first.die();
    load.more(20); // before HAProxy knows, and after
    site.haproxy.wait_state(Haproxy::kFirst, "DOWN");
    load.more(20);
    static_cast<void>(site.first.wait_end());
    site.first.start();
    site.haproxy.wait_state(Haproxy::kFirst, "UP");
    site.first.wait_more_messages();
    load.finish();
    BOOST_TEST(load.cut <= kSenders);
    BOOST_TEST(load.tempfailed == 0U);
}

BOOST_AUTO_TEST_CASE(a_node_that_is_drained_and_stopped_and_comes_back_is_not_noticed) {
    Balanced site;
    Load load(site.haproxy);
    site.first.wait_more_messages();
    BOOST_TEST(site.haproxy.tell("set server evermilter/scan1 state drain") == "\n");
    site.haproxy.wait_state(Haproxy::kFirst, "DRAIN");
    wait_until("its sessions end", [&] { return site.haproxy.sessions_of(Haproxy::kFirst) == 0; });
    const std::uint64_t drained = site.first.messages();
    load.more(20);
    BOOST_TEST(site.first.messages() == drained);
    BOOST_TEST(site.first.stop() == 0);
    load.more(20);
    site.first.start();
    BOOST_TEST(site.haproxy.tell("set server evermilter/scan1 state ready") == "\n");
    site.haproxy.wait_state(Haproxy::kFirst, "UP");
    site.first.wait_more_messages();
    load.finish();
    BOOST_TEST(load.cut == 0U);
    BOOST_TEST(load.tempfailed == 0U);
}

BOOST_AUTO_TEST_CASE(a_node_that_is_stopped_under_load_sends_its_mail_servers_to_the_other) {
    Balanced site;
    Load load(site.haproxy);
    site.first.wait_more_messages();
    BOOST_TEST(site.first.stop() == 0);
    load.more(20);
    load.finish();
    // A session that was open there ends with its message, and the next message is told to come again.
    BOOST_TEST(load.cut + load.tempfailed <= 2 * kSenders);
}

BOOST_AUTO_TEST_CASE(nodes_that_reload_in_turn_are_not_noticed) {
    Balanced site;
    Load load(site.haproxy);
    for (const Node* node : {&site.first, &site.second}) {
        node->wait_more_messages();
        BOOST_TEST(node->ctl({"reload", "--force"}).status == 0);
        node->wait_more_messages();
        BOOST_TEST(node->ctl({"reload-config"}).status == 0);
        node->wait_more_messages();
    }
    load.finish();
    BOOST_TEST(load.cut == 0U);
    BOOST_TEST(load.tempfailed == 0U);
    for (const Node* node : {&site.first, &site.second})
        BOOST_TEST(node->status().at("current_generation").get<int>() >= 2);
}

BOOST_AUTO_TEST_CASE(postfix_behind_it_delivers_each_message_scanned_though_a_node_dies) {
    need_root();
    constexpr int kMessages = 12;
    Balanced site;
    const Postfix postfix("inet:127.0.0.1:" + std::to_string(site.haproxy.port()));
    for (int i = 0; i < kMessages; ++i) {
        if (i == kMessages / 3) site.first.die();
        // As a client does: what is told to come again comes again.
        wait_until("it is accepted", [&] {
            SmtpClient client(postfix.port());
            client.ehlo();
            return client.message(clean_mail("message " + std::to_string(i))).code() == 250;
        });
        SmtpClient client(postfix.port());
        client.ehlo();
        const auto refused = client.message(eicar_attached());
        BOOST_TEST((refused.code() == 550 || refused.code() == 451), refused.code());
    }
    std::vector<Delivered> delivered;
    wait_until("all are delivered", [&] {
        for (Delivered& one : postfix.take_all()) delivered.push_back(std::move(one));
        return delivered.size() >= kMessages;
    });
    std::set<std::string> bodies;
    for (const Delivered& one : delivered) {
        BOOST_TEST(one.values("X-Virus-Status") == std::vector<std::string>{" Clean"},
                   boost::test_tools::per_element());
        bodies.insert(one.body);
    }
    BOOST_TEST(bodies.size() == static_cast<std::size_t>(kMessages));
}

BOOST_AUTO_TEST_SUITE_END()
