// Loaders and session workers that are killed or stopped in each state of a reload: everything else goes on, and what
// was lost is loaded or started again. At most two engines, and no wrong verdict, whatever happens.
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

void serves(const Service& service) {
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
}

// A service whose loads take long enough to be held.
struct Large {
    explicit Large(const Keys& keys = {}) : service(keys) {
        write_bulk_database(service.database(), kBulk);
        service.start();
        first = current(service);
    }
    Service service;
    std::uint64_t first = 0;
};

// The pid of the worker that has the only session.
pid_t worker_of_session(const Service& service) {
    return ask(service, "sessions").at("sessions").at(0).at("worker").get<pid_t>();
}

const Keys kShort = {{"reload.drain_timeout", "\"200ms\""}, {"scanner.max_scan_time", "\"3s\""}};

} // namespace

BOOST_AUTO_TEST_SUITE(reload_faults_test)

// ---------------------------------------------------------------- the loader while it loads

BOOST_AUTO_TEST_CASE(a_loader_not_ready_within_load_timeout_is_killed_and_nothing_else_changes) {
    Service service;
    write_bulk_database(service.database(), kBulk);
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    StatusClient waiting(service.status_path());
    service.set("reload.load_timeout", "\"3s\"");
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    const HeldLoad held(service);           // stopped, so it never becomes ready
    service.set("reload.load_timeout", ""); // for the next loads
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    waiting.send("reload --force\n");
    service.wait_log({"load-refused", "reload.load_timeout"});
    wait_until("it is reaped", [&] { return !process(held.loader()); });
    BOOST_TEST(processes_of(service, first) == processes, boost::test_tools::per_element());
    serves(service);
    // The reload that was requested meanwhile follows.
    const json answer = json::parse(waiting.receive_until('\n'));
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(answer.at("generation").get<std::uint64_t>() > held.generation(), answer);
    wait_until("only the folders of the scanners that serve are left",
               [&] { return entries_below(service.temp_directory()).size() == 2; });
}

BOOST_AUTO_TEST_CASE(a_loader_that_is_killed_while_it_loads_is_a_refused_reload) {
    Large one;
    StatusClient waiting(one.service.status_path());
    HeldLoad held(one.service);
    kill(held.loader(), SIGKILL);
    one.service.wait_log({"load-refused", "signal 9"});
    BOOST_TEST(current(one.service) == one.first);
    BOOST_TEST(state_of(one.service.status(), held.generation()) == "failed");
    serves(one.service);
    const json next = ask(one.service, "reload --force");
    BOOST_TEST(next.at("ok") == true, next);
    // Nor is anything left of the load that it had begun.
    for (const std::string& name : entries_below(one.service.state_directory() / "snapshots"))
        BOOST_TEST(name.find("loading") == std::string::npos, name);
}

// ---------------------------------------------------------------- the loader of the active generation

BOOST_AUTO_TEST_CASE(when_loader_and_standby_are_killed_its_scanners_serve_until_another_has_loaded_the_same) {
    Large one;
    const Service& service = one.service;
    MilterClient held = service.session();
    const auto [loader, standby] = loader_and_standby(service, one.first);
    kill_all({loader, standby});
    service.wait_log({"loader-died"});
    BOOST_TEST(held.message(eicar_in_body()).text().starts_with("550 "));
    service.wait_status("another is active and the service is well", [&](const json& status) {
        return status.at("current_generation") > one.first && status.at("state") == "ready";
    });
    BOOST_TEST(held.message(eicar_in_body()).text().starts_with("550 "));
    held.quit();
    wait_state(service, one.first, "gone");
    serves(service);
    BOOST_TEST(service.status().at("crashes").at("loader") == 1);
    BOOST_TEST(service.status().at("messages").at("error") == 0);
}

BOOST_AUTO_TEST_CASE(when_all_processes_of_the_active_generation_die_a_load_begins_at_once) {
    Large one;
    const Service& service = one.service;
    MilterClient held = service.session();
    held.upload(eicar_in_body());
    kill_all(processes_of(service, one.first));
    service.wait_status("it is degraded, and says why", [&](const json& status) {
        return status.at("state") == "degraded" && !status.at("reason").get<std::string>().empty();
    });
    // The end of message waits for the new generation: no message is deferred.
    BOOST_TEST(held.end_of_message().text().starts_with("550 "));
    service.wait_status("the service is well", [&](const json& status) {
        return status.at("state") == "ready" && status.at("current_generation") > one.first;
    });
    wait_state(service, one.first, "gone");
    serves(service);
    BOOST_TEST(service.status().at("messages").at("error") == 0);
}

BOOST_AUTO_TEST_CASE(when_all_die_the_database_as_it_was_is_loaded_whatever_the_directory_has_become) {
    Service service;
    service.start();
    const auto first = current(service);
    write_file(service.database() / "broken.ndb", "this is no signature\n");
    kill_all(processes_of(service, first));
    service.wait_status("the service is well", [&](const json& status) {
        return status.at("state") == "ready" && status.at("current_generation") > first;
    });
    serves(service);
}

BOOST_AUTO_TEST_CASE(when_all_die_and_their_database_cannot_be_loaded_again_an_older_one_serves) {
    Service service;
    service.start();
    const auto first = current(service);
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    const auto second = current(service);
    wait_state(service, first, "gone");
    const auto snapshot = service.state_directory() / "snapshots" / std::to_string(second);
    write_file(snapshot / "broken.ndb", "this is no signature\n");
    kill_all(processes_of(service, second));
    const json status = service.wait_status("an older one serves", [&](const json& now) {
        return now.at("current_generation") > second && now.at("state") == "degraded";
    });
    BOOST_TEST(status.at("reason").get<std::string>().find("broken.ndb") != std::string::npos, status.at("reason"));
    BOOST_TEST(service.session().message(second_mail()).status() == "Clean"); // this database has one signature less
    serves(service);
    BOOST_TEST(ask(service).at("ok") == true);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
    BOOST_TEST(service.status().at("state") == "ready");
}

BOOST_AUTO_TEST_CASE(a_loader_that_dies_while_it_restores_does_not_bring_an_older_database) {
    Large one;
    const Service& service = one.service;
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    const auto second = current(service);
    wait_state(service, one.first, "gone");
    kill_all(processes_of(service, second));
    pid_t loader = 0;
    service.wait_status("it is loaded again", [&](const json& now) {
        for (const auto& generation : now.at("generations"))
            if (generation.at("state") == "loading") loader = generation.at("loader").get<pid_t>();
        return loader > 0;
    });
    kill(loader, SIGKILL);
    service.wait_status("the service is well", [&](const json& now) {
        return now.at("state") == "ready" && now.at("current_generation") > second;
    });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(a_reload_takes_over_from_an_active_loader_that_is_stopped) {
    Service service(kShort);
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient held = service.session();
    stop_process(processes.front());
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
    // The stopped process does not end without help: it is killed, and its scanners with it.
    wait_gone(service, first, processes);
    BOOST_TEST(held.message(second_mail()).text() == kSecondRejected);
}

// ---------------------------------------------------------------- the loader of a draining generation

BOOST_AUTO_TEST_CASE(a_draining_generation_whose_loader_is_killed_serves_its_sessions_to_their_end) {
    Service service;
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient held = service.session();
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    const auto second = current(service);
    kill(processes.front(), SIGKILL);
    service.wait_log({"loader-died"});
    BOOST_TEST(held.message(second_mail()).status() == "Clean"); // still scanned by the old generation's scanners
    held.quit();
    wait_gone(service, first, processes);
    BOOST_TEST(current(service) == second);
    BOOST_TEST(service.status().at("state") == "ready"); // the old generation is not loaded again
    serves(service);
}

BOOST_AUTO_TEST_CASE(a_draining_generation_all_of_whose_processes_die_leaves_its_sessions_to_the_new_one) {
    Service service;
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient held = service.session();
    held.upload(second_mail());
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    kill_all(processes);
    wait_gone(service, first, processes);
    BOOST_TEST(held.end_of_message().text() == kSecondRejected);
    BOOST_TEST(service.status().at("state") == "ready");
}

BOOST_AUTO_TEST_CASE(a_draining_generation_whose_processes_are_stopped_is_killed_in_time) {
    Keys keys = kShort;
    keys["reload.drain_timeout"] = "\"3s\""; // time to stop them
    Service service(keys);
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient held = service.session();
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    for (const pid_t pid : processes) stop_process(pid);
    wait_gone(service, first, processes);
    BOOST_TEST(held.message(second_mail()).text() == kSecondRejected);
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
}

// ---------------------------------------------------------------- session workers

BOOST_AUTO_TEST_CASE(a_session_worker_that_dies_while_a_generation_loads_holds_up_nothing) {
    Large one;
    const Service& service = one.service;
    MilterClient client = service.session();
    HeldLoad held(service);
    kill(worker_of_session(service), SIGKILL);
    client.wait_closed();
    held.go_on();
    service.wait_status("it is active",
                        [&](const json& status) { return status.at("current_generation") == held.generation(); });
    serves(service);
    wait_state(service, one.first, "gone");
    BOOST_TEST(service.status().at("crashes").at("session") == 1);
}

BOOST_AUTO_TEST_CASE(a_session_worker_that_is_stopped_does_not_keep_a_generation_from_becoming_active) {
    Service service;
    service.start();
    const auto first = current(service);
    MilterClient client = service.session();
    stop_process(worker_of_session(service));
    add_second_signature(service);
    const json answer = ask(service);
    BOOST_TEST(answer.at("ok") == true, answer);
    client.wait_closed(); // it was killed: only its own sessions are lost
    service.wait_log({"session-worker-died", "acknowledge"});
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
    wait_state(service, first, "gone");
    service.wait_status("it is replaced", [](const json& status) {
        std::size_t ready = 0;
        for (const auto& one : status.at("workers"))
            if (one.at("role") == "session" && one.at("state") == "ready") ++ready;
        return ready == 2;
    });
}

BOOST_AUTO_TEST_CASE(a_session_worker_that_dies_lets_go_of_the_draining_generation) {
    Service service;
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient client = service.session();
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    BOOST_TEST(state_of(service.status(), first) == "draining");
    kill(worker_of_session(service), SIGKILL);
    wait_gone(service, first, processes);
    serves(service);
}

BOOST_AUTO_TEST_CASE(a_session_worker_that_is_stopped_cannot_hold_a_generation_past_drain_timeout) {
    Service service(kShort);
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient client = service.session();
    BOOST_TEST(client.message(clean_mail("before")).status() == "Clean");
    add_second_signature(service);
    const pid_t worker = worker_of_session(service);
    service.set("reload.drain_timeout", "\"3s\"");
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    BOOST_TEST(ask(service).at("ok") == true);
    BOOST_TEST(state_of(service.status(), first) == "draining");
    stop_process(worker);
    wait_gone(service, first, processes);
    client.wait_closed();
    BOOST_TEST(!process(worker));
    serves(service);
}

BOOST_AUTO_TEST_SUITE_END()
