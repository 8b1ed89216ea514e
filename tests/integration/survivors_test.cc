// A supervisor is killed: its children finish what they have begun and end. The next supervisor leaves them their
// folders, takes over the sockets, and loads when their engines are out of memory.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

void kill_supervisor(Service& service) {
    service.signal(SIGKILL);
    BOOST_TEST(service.wait_end() == 128 + SIGKILL);
}

// Starts the next supervisor, which has to wait for generation `id`.
void launch_and_wait(Service& service, std::uint64_t id) {
    service.launch();
    service.wait_log({"engines-held", "generations=" + std::to_string(id)});
    json status;
    wait_until("it answers", [&] {
        try {
            status = service.status();
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    });
    BOOST_TEST(status.at("state") == "starting");
    BOOST_TEST(status.at("pid") == service.pid());
    BOOST_TEST(status.at("generations").empty(), status);
    BOOST_TEST(status.at("reason").get<std::string>().find("generation " + std::to_string(id)) != std::string::npos,
               status.at("reason"));
}

bool has_folders_of(const Service& service, std::uint64_t id) {
    const auto names = entries_below(service.temp_directory());
    const std::string begin = "g" + std::to_string(id) + "-s";
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(begin); });
}

void serves_and_stops_clean(Service& service) {
    BOOST_TEST(service.session().message(eicar_in_zip()).text() == kRejected);
    BOOST_TEST(service.session().message(clean_mail("after")).status() == "Clean");
    BOOST_TEST(service.stop() == 0);
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

} // namespace

BOOST_AUTO_TEST_SUITE(survivors_test)

BOOST_AUTO_TEST_CASE(the_next_supervisor_waits_until_the_engine_is_gone_and_says_why_it_waits) {
    Service service;
    service.start();
    const auto first = current(service);
    MilterClient begun = service.session();
    BOOST_REQUIRE(begun.upload(eicar_in_zip()).command == 'c');
    kill_supervisor(service);
    launch_and_wait(service, first);
    // Everything that the old scanners need is still there, and they answer.
    BOOST_TEST(has_folders_of(service, first));
    BOOST_TEST(begun.end_of_message().text() == kRejected);
    // New sessions are accepted meanwhile; only the end of a message waits.
    MilterClient fresh = service.session();
    BOOST_REQUIRE(fresh.upload(eicar_in_body()).command == 'c');
    fresh.send('E');
    BOOST_TEST(service.status().at("current_generation") == 0);
    BOOST_TEST(begun.mail().text().starts_with("421 "));
    begun.close();
    BOOST_TEST(fresh.receive_verdict().text() == kRejected);
    service.wait_log({"engines-gone"});
    service.wait_ready();
    BOOST_TEST(current(service) > first);
    BOOST_TEST(!has_folders_of(service, first));
    fresh.close();
    serves_and_stops_clean(service);
}

BOOST_AUTO_TEST_CASE(sessions_of_a_killed_supervisor_are_closed_at_timeouts_shutdown) {
    Service service(Keys{{"timeouts.shutdown", "\"500ms\""}});
    service.start();
    const auto first = current(service);
    MilterClient begun = service.session();
    begun.upload(clean_mail("never ended"));
    kill_supervisor(service);
    service.launch();
    begun.wait_closed();
    service.wait_ready();
    BOOST_TEST(current(service) > first);
    serves_and_stops_clean(service);
}

// systemd sends this signal to all processes of the service.
BOOST_AUTO_TEST_CASE(the_signal_of_a_watchdog_that_was_not_fed_ends_the_supervisor_alone) {
    Service service;
    service.start();
    const auto first = current(service);
    MilterClient begun = service.session();
    BOOST_REQUIRE(begun.upload(eicar_in_zip()).command == 'c');
    for (const Process& one : service.processes()) kill(one.pid, SIGABRT);
    BOOST_TEST(service.wait_end() == 128 + SIGABRT);
    launch_and_wait(service, first);
    BOOST_TEST(begun.end_of_message().text() == kRejected);
    begun.close();
    service.wait_ready();
    serves_and_stops_clean(service);
}

BOOST_AUTO_TEST_CASE(scanners_that_outlive_their_loader_too_are_waited_for) {
    Service service;
    service.start();
    const auto first = current(service);
    const pid_t loader = service.pids("loader").front();
    MilterClient begun = service.session();
    begun.upload(eicar_in_zip());
    kill_supervisor(service);
    kill(loader, SIGKILL);
    wait_until("the loader has ended", [&] { return !alive(loader); });
    launch_and_wait(service, first);
    BOOST_TEST(begun.end_of_message().text() == kRejected);
    begun.close();
    service.wait_ready();
    BOOST_TEST(!has_folders_of(service, first));
    serves_and_stops_clean(service);
}

BOOST_AUTO_TEST_CASE(a_session_worker_that_is_stopped_keeps_no_engine_in_memory_for_ever) {
    Service service(Keys{{"timeouts.shutdown", "\"100ms\""}, {"scanner.max_scan_time", "\"3s\""}});
    service.start();
    const auto first = current(service);
    const auto engine = processes_of(service, first);
    MilterClient begun = service.session();
    begun.upload(clean_mail("never ended"));
    const pid_t worker = ask(service, "sessions").at("sessions").at(0).at("worker").get<pid_t>();
    stop_process(worker);
    kill_supervisor(service);
    launch_and_wait(service, first);
    service.wait_ready();
    for (const pid_t pid : engine) BOOST_TEST(!alive(pid), pid);
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    continue_process(worker); // the worker then ends
    begun.wait_closed();
    wait_until("it has ended", [&] { return !alive(worker); });
    serves_and_stops_clean(service);
}

BOOST_AUTO_TEST_CASE(engines_that_do_not_end_are_told_of_and_one_is_loaded_beside) {
    Service service(Keys{{"timeouts.shutdown", "\"100ms\""}, {"scanner.max_scan_time", "\"3s\""}});
    service.start();
    const auto first = current(service);
    const auto engine = processes_of(service, first);
    for (const pid_t pid : engine) stop_process(pid);
    kill_supervisor(service);
    launch_and_wait(service, first);
    service.wait_log({"engine-still-held", "generation=" + std::to_string(first)});
    service.wait_ready();
    BOOST_TEST(has_folders_of(service, first));
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    for (const pid_t pid : engine) kill(pid, SIGKILL);
    wait_until("they have ended", [&] { return std::none_of(engine.begin(), engine.end(), alive); });
    serves_and_stops_clean(service); // the old engine's folders are wiped now, too
}

BOOST_AUTO_TEST_SUITE_END()
