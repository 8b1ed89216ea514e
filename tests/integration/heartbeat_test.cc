// process.ping_timeout: a session worker or a loader that is stuck or stopped is found, killed, counted and replaced,
// and no other process is. A supervisor that was itself stopped kills nobody.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

constexpr std::chrono::seconds kTimeout{4};
const Keys kShort = {{"process.ping_timeout", "\"4s\""}};

void serves(const Service& service) {
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
}

// The promise is about this time passing.
void let_pass(std::chrono::steady_clock::duration time) {
    const auto end = std::chrono::steady_clock::now() + time;
    wait_until("the time is over", [&] { return std::chrono::steady_clock::now() >= end; });
}

} // namespace

BOOST_AUTO_TEST_SUITE(heartbeat_test)

BOOST_AUTO_TEST_CASE(a_session_worker_that_is_stopped_is_killed_and_replaced_and_others_sessions_live_on) {
    Service service(kShort);
    service.start();
    MilterClient first = service.session();
    MilterClient second = service.session();
    const json sessions = ask(service, "sessions").at("sessions");
    const pid_t stopped = sessions.at(0).at("worker").get<pid_t>();
    BOOST_REQUIRE(stopped != sessions.at(1).at("worker").get<pid_t>());
    stop_process(stopped);
    service.wait_log({"child-killed", "process.ping_timeout", std::to_string(stopped)});
    first.wait_closed();
    service.wait_log({"session-worker-died", "sessions_lost=1"});
    BOOST_TEST(second.message(eicar_in_body()).text().starts_with("550 "));
    service.wait_status("it is replaced", [](const json& status) {
        std::size_t ready = 0;
        for (const auto& one : status.at("workers"))
            if (one.at("role") == "session" && one.at("state") == "ready") ++ready;
        return ready == 2;
    });
    BOOST_TEST(service.status().at("crashes").at("session") == 1);
    serves(service);
    second.close();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(an_active_loader_that_is_stopped_is_killed_while_its_scanners_serve_on) {
    Service service(kShort);
    service.start();
    const pid_t loader = service.pids("loader").front();
    MilterClient held = service.session();
    stop_process(loader);
    BOOST_TEST(held.message(eicar_in_body()).text().starts_with("550 "));
    service.wait_log({"child-killed", "process.ping_timeout", std::to_string(loader)});
    BOOST_TEST(held.message(eicar_in_body()).text().starts_with("550 "));
    service.wait_status("another loader is there and the service is well", [&](const json& status) {
        const auto& all = status.at("workers");
        return status.at("state") == "ready" && std::any_of(all.begin(), all.end(), [&](const json& one) {
                   return one.at("role") == "loader" && one.at("pid") != loader;
               });
    });
    BOOST_TEST(service.status().at("crashes").at("loader") == 1);
    BOOST_TEST(service.status().at("messages").at("error") == 0);
    serves(service);
    held.close();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_loader_that_is_stopped_while_it_loads_is_a_refused_reload) {
    Service service(kShort);
    write_bulk_database(service.database(), kBulk);
    service.start();
    const auto before = current(service);
    const HeldLoad held(service);
    service.wait_log({"child-killed", "process.ping_timeout", std::to_string(held.loader())});
    service.wait_log({"load-refused", "process.ping_timeout"});
    BOOST_TEST(current(service) == before);
    serves(service);
}

BOOST_AUTO_TEST_CASE(a_load_that_takes_longer_than_ping_timeout_is_left_alone) {
    // Set from the start, because the supervisor takes a new value only with its next beat.
    Service service(Keys{{"process.ping_timeout", "\"2s\""}});
    service.start();
    write_bulk_database(service.database(), 6 * kBulk);
    const json answer = ask(service);
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST_MESSAGE("the load took " << answer.at("seconds") << " s");
    BOOST_TEST(answer.at("seconds").get<double>() > 2.4); // else this shows nothing: enlarge the database
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_was_stopped_for_longer_kills_nobody) {
    Service service(kShort);
    service.start();
    MilterClient client = service.session();
    stop_process(service.pid());
    let_pass(kTimeout * 3 / 2);
    continue_process(service.pid());
    let_pass(kTimeout * 3 / 2);
    BOOST_TEST(count_log(service, "child-killed") == 0);
    BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
    client.close();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
