// A log that nobody reads, or whose reader dies: lines are lost, counted and reported, and nothing else suffers.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

struct Pair {
    evermilter::unique_fd reading;
    evermilter::unique_fd writing;
};
Pair make_pipe() {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {evermilter::unique_fd(ends[0]), evermilter::unique_fd(ends[1])};
}
Pair make_stream() {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return {evermilter::unique_fd(ends[0]), evermilter::unique_fd(ends[1])};
}

std::uint64_t lost(const Service& service) {
    return service.status().at("log").at("lines_lost_total").get<std::uint64_t>();
}

// Mail, a reload, every death and the stop, with a log that takes nothing.
void check_all_goes_on(Service& service) {
    MilterClient client = service.session();
    for (int round = 0; round < 100; ++round)
        BOOST_TEST_REQUIRE(client.message(clean_mail("round " + std::to_string(round))).status() == "Clean");
    BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
    client.quit();
    service.signal(SIGUSR1);
    add_second_signature(service);
    service.signal(SIGHUP);
    wait_until("the second signature is there",
               [&] { return service.session().message(second_mail()).text() == kSecondRejected; });
    service.wait_status("there is one generation", [](const json& status) {
        return status.at("state") == "ready" && status.at("workers").size() >= 6;
    });
    kill_loader(service, current(service));
    for (const char* role : {"scanner", "session"}) {
        const std::vector<pid_t> before = service.pids(role);
        for (const pid_t pid : before) kill(pid, SIGKILL);
        service.wait_status("they are replaced", [&](const json& status) {
            std::size_t ready = 0;
            for (const json& one : status.at("workers"))
                if (one.at("role") == role && one.at("state") != "starting" &&
                    std::find(before.begin(), before.end(), one.at("pid").get<pid_t>()) == before.end())
                    ++ready;
            return ready >= before.size();
        });
        BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    }
    BOOST_TEST(lost(service) > 0U);
    BOOST_TEST(
        service.ctl({"metrics"}).output.find("evermilter_log_lines_lost_total " + std::to_string(lost(service))) !=
        std::string::npos);
}

void launch_with(Service& service, const Pair& log) {
    Manager manager;
    manager.standard_error = log.writing.get();
    service.launch(manager);
    service.wait_ready();
}

} // namespace

BOOST_AUTO_TEST_SUITE(log_reader_test)

BOOST_AUTO_TEST_CASE(the_reader_of_a_pipe_dies) {
    Service service;
    Pair log = make_pipe();
    launch_with(service, log);
    log.writing.reset();
    log.reading.reset();
    check_all_goes_on(service);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(the_reader_of_a_socket_dies) {
    Service service;
    Pair log = make_stream();
    launch_with(service, log);
    log.writing.reset();
    log.reading.reset();
    check_all_goes_on(service);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(nobody_reads_a_pipe_or_a_socket_and_whole_lines_come_when_somebody_does) {
    for (const bool socket : {false, true}) {
        Service service;
        const Pair log = socket ? make_stream() : make_pipe();
        launch_with(service, log);
        // Lines that are as long as possible, until the pipe is full.
        MilterClient client = service.session();
        for (int round = 0; round < 400 && lost(service) == 0; ++round) {
            Envelope envelope;
            envelope.recipients.assign(20, "<" + std::string(250, 'x') + "@example.org>");
            BOOST_TEST_REQUIRE(client.message(clean_mail("round " + std::to_string(round)), envelope).status() ==
                               "Clean");
        }
        client.quit();
        check_all_goes_on(service);
        // From now on the log is read.
        std::string said;
        std::array<char, 65536> buffer{};
        const auto read_more = [&] {
            wait_for(log.reading.get(), POLLIN, "log lines");
            const ssize_t got = ::read(log.reading.get(), buffer.data(), buffer.size());
            said.append(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
        };
        while (said.find("event=log-lines-lost") == std::string::npos) {
            pollfd readable{log.reading.get(), POLLIN, 0};
            if (::poll(&readable, 1, 0) == 1)
                read_more();
            else
                service.signal(SIGUSR1); // something to log
        }
        BOOST_TEST(service.stop() == 0);
    }
}

// Like the journal, whose log is such a socket, when it hangs.
BOOST_AUTO_TEST_CASE(nobody_reads_a_socket_and_a_start_that_is_refused_ends_all_the_same) {
    const Pair log = make_stream();
    const std::string block(4096, 'x');
    while (send(log.writing.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) {
    }
    Manager manager;
    manager.standard_error = log.writing.get();
    Service wrong(Keys{{"milter.frobnicate", "1"}});
    wrong.launch(manager);
    BOOST_TEST(wrong.wait_end() == 78);
    Service refused(Keys{{"milter.listen", "[\"unix:/nonexistent/folder/milter.sock\"]"}});
    refused.launch(manager);
    BOOST_TEST(refused.wait_end() == 73);
}

BOOST_AUTO_TEST_CASE(a_named_pipe_whose_reader_comes_back_has_lines_again_and_the_number_of_those_lost) {
    Service service;
    const std::string path = service.path("pipe");
    BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    evermilter::unique_fd reading(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    Pair log;
    log.writing.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    launch_with(service, log);
    log.writing.reset();
    reading.reset();
    service.signal(SIGUSR1);
    wait_until("a line is lost", [&] { return lost(service) > 0; });
    reading.reset(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    service.signal(SIGUSR1);
    std::string said;
    std::array<char, 65536> buffer{};
    while (said.find("event=log-lines-lost role=supervisor") == std::string::npos) {
        wait_for(reading.get(), POLLIN, "log lines");
        const ssize_t got = ::read(reading.get(), buffer.data(), buffer.size());
        said.append(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
