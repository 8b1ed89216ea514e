// Slow senders at a running service: each stage has its budget, trickling extends none of them, and no session can hold
// back a reload or an engine.
#include <atomic>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <thread>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const std::vector<std::string> kStages = {"negotiate", "connect", "helo", "mail", "rcpt", "data", "header", "body"};

Keys budgets(const std::string& stages, const std::string& packet) {
    Keys keys = {{"timeouts.packet", '"' + packet + '"'}};
    for (const std::string& stage : kStages) keys["timeouts." + stage] = '"' + stages + '"';
    return keys;
}

// A session that is parked at the given stage.
std::unique_ptr<MilterClient> parked_at(const Service& service, const std::string& stage) {
    auto client = std::make_unique<MilterClient>(service.milter_address());
    const std::vector<std::pair<std::string, std::function<void()>>> steps = {
        {"negotiate", [&] { client->negotiate(); }},
        {"connect", [&] { client->connect(); }},
        {"helo", [&] { client->helo(); }},
        {"mail", [&] { client->mail(); }},
        {"rcpt",
         [&] {
             client->rcpt();
             client->data();
         }},
        {"data", [&] { client->header("Subject", "slow"); }},
        {"header", [&] { client->end_of_headers(); }},
        {"body", [] {}},
    };
    for (const auto& [waits_for, step] : steps) {
        if (waits_for == stage) break;
        step();
    }
    return client;
}

// Adds a virus with the given number; a mail that contains it.
void add_virus(const Service& service, int number) {
    write_signature(service.database(), "New" + std::to_string(number),
                    "virus-of-the-third-kind-" + std::to_string(number));
}
std::string mail_with_virus(int number) {
    return clean_mail("virus-of-the-third-kind-" + std::to_string(number) + " here");
}
std::string refusal_of_virus(int number) {
    return "550 5.7.1 virus found: Evermilter.Test.New" + std::to_string(number) + ".UNOFFICIAL";
}

// The number of loaders alive at the moment: each has an engine, or is about to load one.
std::size_t loaders(const Service& service) {
    std::size_t found = 0;
    for (const Process& one : children(service.pid()))
        if (executable(one.pid).ends_with("/evermilter-scanner")) ++found;
    return found;
}

} // namespace

BOOST_AUTO_TEST_SUITE(slow_senders_test)

BOOST_AUTO_TEST_CASE(a_session_parked_at_any_stage_is_closed_logged_and_counted) {
    Service service(budgets("5s", "15s"));
    service.start();
    std::vector<std::unique_ptr<MilterClient>> clients;
    for (const std::string& stage : kStages) clients.push_back(parked_at(service, stage));
    for (const auto& client : clients) client->wait_closed();
    service.wait_status("all have ended",
                        [](const nlohmann::json& status) { return status.at("sessions").at("open") == 0; });
    const nlohmann::json timed_out = service.status().at("sessions").at("timed_out_total");
    for (const std::string& stage : kStages) {
        BOOST_TEST(timed_out.at(stage) == 1, stage);
        service.wait_log({"session-timed-out", "stage=" + stage, "peer="});
    }
}

// Bytes of a packet that never ends: the budget of the stage or of the packet ends it, whichever comes first.
BOOST_DATA_TEST_CASE(bytes_trickled_at_any_stage_extend_nothing, boost::unit_test::data::make({false, true}),
                     packet_first) {
    Service service(packet_first ? budgets("10m", "1s") : budgets("5s", "100s"));
    service.start();
    std::vector<std::unique_ptr<MilterClient>> clients;
    for (const std::string& stage : kStages) {
        if (stage == "negotiate") continue; // tested at the gate
        clients.push_back(parked_at(service, stage));
        clients.back()->send_raw("\0\0\x40\0H"s);
    }
    wait_until("all are closed", [&] {
        bool all = true;
        for (auto& client : clients) {
            if (!client) continue;
            try {
                client->send_raw("x");
                if (client->readable()) throw ConnectionEnded("closed");
                all = false;
            } catch (const ConnectionEnded&) {
                client.reset();
            }
        }
        return all;
    });
    service.wait_status("all have ended",
                        [](const nlohmann::json& status) { return status.at("sessions").at("open") == 0; });
    const nlohmann::json timed_out = service.status().at("sessions").at("timed_out_total");
    if (packet_first) BOOST_TEST(timed_out.at("packet") == kStages.size() - 1);
    for (const std::string& stage : kStages)
        if (!packet_first && stage != "negotiate") BOOST_TEST(timed_out.at(stage) == 1, stage);
}

// In 2005 one client that held its session open for hours stopped all mail, because the reload waited for it. Here a
// session sits in DATA across three reloads: with the long drain_timeout only the next reload takes its engine away,
// with the short one drain_timeout does.
BOOST_DATA_TEST_CASE(the_2005_scenario, boost::unit_test::data::make({"2m", "500ms"}), drain_timeout) {
    Service service(
        Keys{{"reload.drain_timeout", '"' + std::string(drain_timeout) + '"'}, {"database.min_ratio", "0.1"}});
    service.start();
    const auto held = parked_at(service, "header");
    auto newest = service.status().at("current_generation").get<std::uint64_t>();

    std::atomic<std::size_t> most{0};
    std::jthread observer([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            most = std::max(most.load(), loaders(service));
            std::this_thread::sleep_for(1ms);
        }
    });
    for (int reload = 1; reload <= 3; ++reload) {
        add_virus(service, reload);
        const nlohmann::json answer = StatusClient(service.status_path()).ask("reload");
        BOOST_TEST(answer.at("ok") == true, answer.dump());
        BOOST_TEST(answer.at("generation").get<std::uint64_t>() > newest);
        newest = answer.at("generation").get<std::uint64_t>();
        // New sessions are scanned by the newest engine at once.
        MilterClient fresh = service.session();
        BOOST_TEST(fresh.message(mail_with_virus(reload)).text() == refusal_of_virus(reload));
        BOOST_TEST(fresh.message(clean_mail()).status() == "Clean");
        fresh.quit();
        // The held session was not cut: nothing came, and the connection is open.
        BOOST_TEST(!held->readable());
    }
    // The held session has let go of its engine: one engine is left.
    service.wait_status("one engine", [&](const nlohmann::json& status) {
        std::size_t living = 0;
        for (const auto& one : status.at("generations"))
            if (one.at("state") != "gone" && one.at("state") != "failed") ++living;
        return living == 1 && status.at("current_generation") == newest;
    });
    observer.request_stop();
    observer.join();
    BOOST_TEST(most.load() <= 2U);
    BOOST_TEST(most.load() >= 1U);

    // The message that began four engines ago is scanned by the newest, and the session goes on.
    BOOST_TEST(!held->readable());
    held->end_of_headers();
    held->body("virus-of-the-third-kind-3 here\r\n");
    BOOST_TEST(held->end_of_message().text() == refusal_of_virus(3));
    BOOST_TEST(held->message(clean_mail()).status() == "Clean");
    BOOST_TEST(service.status().at("crashes").at("session") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
