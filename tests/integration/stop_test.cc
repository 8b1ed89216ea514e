// The end of the service: a message that has begun is finished, no new one begins, and nothing is left behind.
#include <csignal>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/integration/reloading.h"
#include "tests/support/capture.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

void nothing_is_left(const Service& service) {
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

void wait_stopping(const Service& service) {
    wait_until("the listeners are closed", [&] {
        try {
            const MilterClient late = service.client();
            return false;
        } catch (const std::system_error&) {
            return true;
        }
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(stop_test)

BOOST_AUTO_TEST_CASE(an_idle_service_stops_with_exit_code_0_and_leaves_nothing) {
    for (const int number : {SIGTERM, SIGINT}) {
        Service service;
        service.start();
        service.session().message(eicar_in_zip());
        service.signal(number);
        BOOST_TEST(service.wait_end() == 0);
        nothing_is_left(service);
    }
}

BOOST_AUTO_TEST_CASE(a_stop_while_the_first_database_loads_leaves_nothing) {
    Service service;
    write_bulk_database(service.database(), 400000);
    service.launch();
    wait_until("the loader exists", [&] {
        for (const Process& one : service.processes())
            if (one.name.starts_with("evermilter-scan")) return true;
        return false;
    });
    BOOST_TEST(service.stop() == 0);
    nothing_is_left(service);
}

BOOST_AUTO_TEST_CASE(messages_begun_are_finished_and_the_next_mail_gets_421) {
    Service service;
    service.start();
    MilterClient in_body = service.session();
    BOOST_REQUIRE(in_body.upload(eicar_in_body()).command == 'c');
    MilterClient after_rcpt = service.session();
    after_rcpt.mail();
    after_rcpt.rcpt();
    MilterClient between = service.session();
    BOOST_TEST(between.message(clean_mail("first")).status() == "Clean");

    service.signal(SIGTERM);
    wait_stopping(service);
    wait_until("both workers drain", [&] { return count_log(service, "event=draining") == 2; });
    BOOST_TEST(in_body.end_of_message().text() == kRejected);
    after_rcpt.data();
    after_rcpt.content(clean_mail("after rcpt"));
    BOOST_TEST(after_rcpt.end_of_message().status() == "Clean");
    for (MilterClient* client : {&in_body, &after_rcpt, &between}) {
        BOOST_TEST(client->mail().text().starts_with("421 "));
        client->close();
    }
    BOOST_TEST(service.wait_end() == 0);
    nothing_is_left(service);
}

BOOST_AUTO_TEST_CASE(what_has_not_ended_by_timeouts_shutdown_is_closed_and_the_exit_code_is_0) {
    Service service(Keys{{"timeouts.shutdown", "\"300ms\""}});
    service.start();
    MilterClient in_body = service.session();
    in_body.upload(clean_mail("never ended"));
    MilterClient idle = service.session();
    MilterClient silent = service.client(); // it has not even negotiated
    service.signal(SIGTERM);
    in_body.wait_closed();
    idle.wait_closed();
    silent.wait_closed();
    BOOST_TEST(service.wait_end() == 0);
    nothing_is_left(service);
}

BOOST_AUTO_TEST_CASE(a_message_that_waits_for_its_scan_is_answered_before_the_end) {
    Service service(Keys{{"scanner.pcre_match_limit", "4000000000"},
                         {"scanner.pcre_rec_match_limit", "1000000"},
                         {"scanner.processes", "1"}});
    write_slow_database(service.database());
    service.start();
    MilterClient client = service.session();
    client.upload(multipart_mail({text_part(slow_text(24)), attachment("eicar.com", eicar())}));
    client.send('E');
    service.wait_status("the scan runs", [](const nlohmann::json& status) {
        return status.at("generations").at(0).at("scans_running") == 1;
    });
    service.signal(SIGTERM);
    BOOST_TEST(client.receive_verdict().text() == kRejected);
    client.close();
    BOOST_TEST(service.wait_end() == 0);
    nothing_is_left(service);
}

BOOST_AUTO_TEST_CASE(a_second_sigterm_stops_at_once) {
    Service service;
    service.start();
    MilterClient client = service.session();
    client.upload(clean_mail("never ended")); // would hold the drain for timeouts.shutdown: a minute
    service.signal(SIGTERM);
    wait_stopping(service);
    service.signal(SIGTERM);
    client.wait_closed();
    service.wait_end();
    nothing_is_left(service);
}

BOOST_AUTO_TEST_CASE(a_second_sigterm_ends_processes_that_are_stopped_and_loads_too) {
    Service service;
    write_bulk_database(service.database(), kBulk);
    service.start();
    MilterClient client = service.session();
    client.upload(clean_mail("never ended"));
    const HeldLoad held(service);
    for (const char* role : {"session", "scanner", "loader"})
        for (const pid_t pid : service.pids(role)) stop_process(pid);
    service.signal(SIGTERM);
    wait_stopping(service);
    service.signal(SIGTERM);
    client.wait_closed();
    service.wait_end();
    nothing_is_left(service);
}

BOOST_AUTO_TEST_CASE(stopped_scanners_do_not_keep_the_service_from_ending) {
    Service service(Keys{{"timeouts.shutdown", "\"500ms\""}});
    service.start();
    for (const pid_t pid : service.pids("scanner")) stop_process(pid);
    BOOST_TEST(service.stop() == 0);
    nothing_is_left(service);
}

BOOST_AUTO_TEST_CASE(when_the_supervisor_is_killed_its_children_end_by_themselves) {
    Service service(Keys{{"timeouts.shutdown", "\"10s\""}});
    service.start();
    MilterClient client = service.session();
    client.upload(eicar_in_body());
    service.signal(SIGKILL);
    BOOST_TEST(service.wait_end() == 128 + SIGKILL);
    // A message that had begun is still answered, by the scanners that existed then.
    BOOST_TEST(client.end_of_message().text() == kRejected);
    client.close();
    wait_until("all it started has ended", [&] { return service.processes().empty(); });
    BOOST_TEST(entries_below(service.temp_directory()).empty());
}

BOOST_AUTO_TEST_CASE(sigusr2_is_ignored_with_a_log_line_and_sigusr1_is_survived) {
    Service service;
    service.start();
    service.signal(SIGUSR2);
    service.wait_log({"SIGUSR2"});
    service.signal(SIGUSR1);
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_stopped_service_can_be_started_again_and_its_generations_go_on_counting) {
    Service service;
    service.start();
    const auto first = service.status().at("current_generation").get<std::uint64_t>();
    BOOST_TEST(service.stop() == 0);
    service.start();
    BOOST_TEST(service.status().at("current_generation").get<std::uint64_t>() > first);
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
}

BOOST_AUTO_TEST_SUITE_END()
