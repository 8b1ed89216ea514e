// Signals to all processes, as `systemctl kill` sends them by default: processes that have no use for a signal ignore
// it, and mail goes on.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

constexpr std::array kEnd = {SIGKILL, SIGSTOP};
constexpr std::array kFailures = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

bool among(const auto& signals, int number) {
    return std::find(signals.begin(), signals.end(), number) != signals.end();
}

void check_serves(const Service& service) {
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
}

const char* const kRoles[] = {"session", "loader", "standby", "scanner"};

} // namespace

BOOST_AUTO_TEST_SUITE(signals_test)

BOOST_DATA_TEST_CASE(no_signal_that_can_be_caught_ends_or_stops_a_child, boost::unit_test::data::make(kRoles), role) {
    Service service;
    service.start();
    const std::vector<pid_t> before = service.pids(role);
    BOOST_REQUIRE(!before.empty());
    MilterClient held = service.session();
    held.upload(eicar_in_body());
    for (int number = 1; number <= 64; ++number) {
        if (among(kEnd, number) || among(kFailures, number)) continue;
        for (const pid_t pid : before) BOOST_TEST(::syscall(SYS_kill, pid, number) == 0);
    }
    for (const pid_t pid : before) BOOST_TEST(::syscall(SYS_kill, pid, SIGABRT) == 0); // as a watchdog sends it
    BOOST_TEST(held.end_of_message().text().starts_with("550 "));
    check_serves(service);
    BOOST_TEST(service.pids(role) == before, boost::test_tools::per_element());
    for (const pid_t pid : before) BOOST_TEST(process(pid)->state != 'T');
    const auto status = service.status();
    for (const auto& [name, count] : status.at("crashes").items()) BOOST_TEST(count == 0, name);
    BOOST_TEST(service.status().at("state") == "ready");
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(no_signal_but_those_of_the_interface_changes_the_supervisor) {
    Service service;
    service.start();
    const auto id = current(service);
    for (int number = 1; number <= 64; ++number) {
        if (among(kEnd, number) || among(kFailures, number) || number == SIGTERM || number == SIGINT ||
            number == SIGHUP)
            continue;
        BOOST_TEST(::syscall(SYS_kill, service.pid(), number) == 0);
    }
    check_serves(service);
    service.wait_log({"event=logs-reopened"});
    BOOST_TEST(current(service) == id);
    BOOST_TEST(process(service.pid())->state != 'T');
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_hangup_of_all_processes_reloads_and_costs_nobody) {
    Service service;
    service.start();
    const std::vector<pid_t> workers = service.pids("session");
    add_second_signature(service);
    for (const Process& one : service.processes()) kill(one.pid, SIGHUP);
    wait_until("the second signature is there",
               [&] { return service.session().message(second_mail()).text() == kSecondRejected; });
    const auto status = service.status();
    for (const auto& [name, count] : status.at("crashes").items()) BOOST_TEST(count == 0, name);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_termination_of_all_processes_is_a_graceful_stop) {
    Service service;
    service.start();
    MilterClient held = service.session();
    held.upload(eicar_in_body());
    for (const Process& one : service.processes()) kill(one.pid, SIGTERM);
    BOOST_TEST(held.end_of_message().text().starts_with("550 "));
    held.quit();
    BOOST_TEST(service.wait_end() == 0);
    BOOST_TEST(service.leftovers().empty());
}

BOOST_AUTO_TEST_SUITE_END()
