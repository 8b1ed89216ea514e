// What a service manager expects: that the service reports its state, and accepts sockets. The tests are the manager: a
// real notification socket, and a parent that binds, keeps and passes listening sockets.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/notify_socket.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using evermilter::unique_fd;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

Manager told_at(const NotifySocket& socket, std::vector<std::string> more = {}) {
    more.push_back("NOTIFY_SOCKET=" + socket.path());
    return {{}, more};
}

long long monotonic_microseconds() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Looks at the datagrams after the first `from` ones.
bool asks_for_time(const NotifySocket& manager, std::size_t from) {
    return std::any_of(
        manager.seen().begin() + static_cast<std::ptrdiff_t>(from), manager.seen().end(),
        [](const std::string& one) { return std::atoll(value_of(one, "EXTEND_TIMEOUT_USEC").c_str()) > 10'000'000; });
}

unique_fd listen_at(const std::string& path) {
    unique_fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    BOOST_REQUIRE(listen(fd.get(), 64) == 0);
    return fd;
}

// On a port that the kernel chooses.
unique_fd listen_tcp(std::string& address_text) {
    unique_fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    BOOST_REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    BOOST_REQUIRE(listen(fd.get(), 64) == 0);
    BOOST_REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    address_text = "inet:" + std::to_string(ntohs(address.sin_port)) + "@127.0.0.1";
    return fd;
}

} // namespace

BOOST_AUTO_TEST_SUITE(service_manager_test)

// ---------------------------------------------------------------- what the service reports

BOOST_AUTO_TEST_CASE(ready_reloading_and_stopping_are_told_when_they_are_so) {
    Service service;
    write_bulk_database(service.database(), 50000);
    NotifySocket manager(service.path("notify"));
    service.launch(told_at(manager));
    const std::string ready = manager.wait_line("READY=1");
    BOOST_TEST(service.status().at("state") == "ready");
    BOOST_TEST(value_of(ready, "STATUS").find("generation 1, 5000") != std::string::npos, ready);
    for (const std::string& before : manager.seen()) BOOST_TEST(!has_line(before, "RELOADING=1"));
    BOOST_TEST(asks_for_time(manager, 0));
    const std::size_t of_start = manager.seen().size();
    const auto before = monotonic_microseconds();
    const nlohmann::json answer = ask(service, "reload --force");
    BOOST_TEST(answer.at("ok") == true, answer);
    const std::string reloading = manager.wait_line("RELOADING=1");
    const auto when = std::atoll(value_of(reloading, "MONOTONIC_USEC").c_str());
    BOOST_TEST(when >= before);
    BOOST_TEST(when <= monotonic_microseconds());
    const std::string again = manager.wait_line("READY=1");
    BOOST_TEST(value_of(again, "STATUS").find("generation " + answer.at("generation").dump()) != std::string::npos,
               again);
    BOOST_TEST(asks_for_time(manager, of_start));
    service.signal(SIGTERM);
    const std::string stopping = manager.wait_line("STOPPING=1");
    // The default of timeouts.shutdown is a minute.
    BOOST_TEST(std::atoll(value_of(stopping, "EXTEND_TIMEOUT_USEC").c_str()) > 60'000'000);
    BOOST_TEST(service.wait_end() == 0);
}

BOOST_AUTO_TEST_CASE(a_refused_first_load_lets_the_boot_go_on_and_the_reason_is_told) {
    Service service;
    write_file(service.database() / "broken.ndb", "this is no signature\n");
    NotifySocket manager("@evermilter-test-" + service.path("notify").parent_path().filename().string());
    service.launch(told_at(manager));
    const std::string up = manager.wait_line("READY=1");
    BOOST_TEST(value_of(up, "STATUS").starts_with("degraded: "), up);
    BOOST_TEST(value_of(up, "STATUS").find("broken.ndb") != std::string::npos, up);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(the_watchdog_is_fed_while_the_service_runs) {
    Service service;
    NotifySocket manager(service.path("notify"));
    service.launch(told_at(manager, {"WATCHDOG_USEC=300000"}));
    manager.wait_line("READY=1");
    for (int count = 0; count < 5; ++count) manager.wait_line("WATCHDOG=1");
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_manager_that_does_not_read_holds_up_nothing_and_is_told_when_it_does) {
    Service service;
    NotifySocket manager(service.path("notify"));
    manager.fill();
    service.launch(told_at(manager, {"WATCHDOG_USEC=100000"}));
    service.wait_ready();
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
    manager.wait_line("READY=1");
    BOOST_TEST(service.stop() == 0);
}

// ---------------------------------------------------------------- what the manager passes

BOOST_AUTO_TEST_CASE(who_connects_before_the_start_or_between_two_waits_and_is_served) {
    Service service;
    const unique_fd milter = listen_at(service.path("milter.sock"));
    const unique_fd status = listen_at(service.status_path());
    const Manager manager{{status.get(), milter.get()}, {}};
    MilterClient early = service.client();
    service.launch(manager);
    early.open();
    BOOST_TEST(early.message(eicar_in_body()).text() == kRejected);
    service.wait_ready();
    BOOST_TEST(service.status().at("listeners").size() == 1);
    early.close();
    BOOST_TEST(service.stop() == 0);
    // The sockets are the manager's: they are still there, and nobody is refused.
    MilterClient between = service.client();
    service.launch(manager);
    between.open();
    BOOST_TEST(between.message(eicar_in_body()).text() == kRejected);
    between.close();
    service.wait_ready();
    BOOST_TEST(service.stop() == 0);
    BOOST_TEST(std::filesystem::exists(service.path("milter.sock")));
}

BOOST_AUTO_TEST_CASE(when_the_service_is_killed_a_passed_socket_still_refuses_nobody) {
    Service service(Keys{{"timeouts.shutdown", "\"300ms\""}});
    const unique_fd milter = listen_at(service.path("milter.sock"));
    const Manager manager{{milter.get()}, {}};
    service.launch(manager);
    service.wait_ready();
    service.signal(SIGKILL);
    BOOST_TEST(service.wait_end() == 128 + SIGKILL);
    MilterClient waiting = service.client();
    service.launch(manager);
    waiting.open();
    BOOST_TEST(waiting.message(eicar_in_body()).text() == kRejected);
    waiting.close();
    service.wait_ready();
    BOOST_TEST(service.stop() == 0);
}

// When a folder is cleaned, the manager's socket path goes too, and the manager does not make it again. The path that
// we made instead stays when we are killed.
BOOST_AUTO_TEST_CASE(a_passed_socket_whose_path_another_has_left_is_bound_again_at_the_start) {
    Service service;
    const unique_fd milter = listen_at(service.path("milter.sock"));
    std::filesystem::remove(service.path("milter.sock"));
    listen_at(service.path("milter.sock")).reset(); // no process listens there any more
    service.launch({{milter.get()}, {}});
    service.wait_log({"event=listening-again", "purpose=milter"});
    service.wait_ready();
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_passed_socket_without_a_path_is_bound_again_before_the_service_is_ready) {
    Service service;
    const unique_fd milter = listen_at(service.path("milter.sock"));
    std::filesystem::remove(service.path("milter.sock"));
    service.launch({{milter.get()}, {}});
    service.wait_log({"event=load-started"});
    BOOST_TEST(std::filesystem::exists(service.path("milter.sock")));
    service.wait_ready();
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_passed_socket_whose_path_is_removed_keeps_the_mode_that_the_manager_gave_it) {
    Service service;
    const unique_fd milter = listen_at(service.path("milter.sock"));
    const auto mode_of = [&] {
        struct stat status {};
        BOOST_REQUIRE(stat(service.path("milter.sock").c_str(), &status) == 0);
        return status.st_mode & 07777U;
    };
    BOOST_REQUIRE(chmod(service.path("milter.sock").c_str(), 0626) == 0);
    service.launch({{milter.get()}, {}});
    service.wait_ready();
    for (int round = 1; round <= 2; ++round) {
        std::filesystem::remove(service.path("milter.sock"));
        wait_until("it is there again", [&] { return std::filesystem::exists(service.path("milter.sock")); });
        BOOST_TEST(mode_of() == 0626U);
        BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    }
    // The configuration's mode for our own sockets does not apply to the manager's.
    service.set("milter.socket_mode", "\"0600\"");
    service.write_config();
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    BOOST_TEST(mode_of() == 0626U);
    BOOST_TEST(service.stop() == 0);
    // Nor does it at the next start.
    service.launch({{milter.get()}, {}});
    service.wait_ready();
    BOOST_TEST(mode_of() == 0626U);
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_tcp_socket_is_found_by_its_address_and_others_are_bound_beside_it) {
    std::string address;
    const unique_fd tcp = listen_tcp(address);
    Service service;
    service.set("milter.listen", "[\"" + service.milter_address() + "\", \"" + address + "\"]");
    service.launch({{tcp.get()}, {"LISTEN_FDNAMES=milter"}});
    service.wait_ready();
    BOOST_TEST(service.status().at("listeners").size() == 2);
    MilterClient client(address);
    client.open();
    BOOST_TEST(client.message(eicar_in_body()).text() == kRejected);
    client.close();
    BOOST_TEST(service.session().message(eicar_in_body()).text() == kRejected);
    BOOST_TEST(service.stop() == 0);
    BOOST_TEST(!std::filesystem::exists(service.path("milter.sock"))); // the service's own socket
}

BOOST_AUTO_TEST_CASE(a_passed_socket_that_the_configuration_does_not_name_is_refused_by_name) {
    Service service;
    const unique_fd other = listen_at(service.path("other"));
    service.launch({{other.get()}, {"LISTEN_FDNAMES=milter-of-old"}});
    BOOST_TEST(service.wait_end() == 78);
    BOOST_TEST(service.log().find("milter-of-old") != std::string::npos);
    BOOST_TEST(service.log().find(service.path("other").string()) != std::string::npos);
    BOOST_TEST(service.processes().empty());
}

BOOST_AUTO_TEST_CASE(a_passed_socket_that_does_not_listen_is_refused_by_name) {
    Service service;
    const unique_fd datagrams(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    service.launch({{datagrams.get()}, {"LISTEN_FDNAMES=datagrams"}});
    BOOST_TEST(service.wait_end() == 78);
    BOOST_TEST(service.log().find("datagrams") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(children_inherit_neither_the_sockets_nor_the_words_of_the_manager) {
    Service service;
    const unique_fd milter = listen_at(service.path("milter.sock"));
    NotifySocket notify(service.path("notify"));
    Manager manager = told_at(notify, {"WATCHDOG_USEC=10000000"});
    manager.sockets = {milter.get()};
    service.launch(manager);
    notify.wait_line("READY=1");
    std::string listening;
    for (const Descriptor& one : descriptors(getpid()))
        if (one.number == milter.get()) listening = one.target;
    for (const char* role : {"session", "loader", "scanner"}) {
        for (const pid_t pid : service.pids(role)) {
            const std::string environment = read_file("/proc/" + std::to_string(pid) + "/environ");
            for (const char* word : {"NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"})
                BOOST_TEST(environment.find(word) == std::string::npos, role << " has " << word);
            for (const Descriptor& one : descriptors(pid)) BOOST_TEST(one.target != listening, role);
        }
    }
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
