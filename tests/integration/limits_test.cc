// Limits of the system that are too low are reported at the start; session workers come and go with the sessions.
#include <boost/test/unit_test.hpp>
#include <deque>
#include <sstream>

#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;

namespace {

constexpr int kConfig = 78;

// Starts it with limits as prlimit(1) sets them.
Outcome start_with(const Service& service, const std::string& limit) {
    return run({"prlimit", limit, program("evermilterd"), "--foreground", "--config", service.config_file()});
}

} // namespace

BOOST_AUTO_TEST_SUITE(limits_test)

BOOST_AUTO_TEST_CASE(too_few_descriptors_for_the_configuration_are_refused_with_the_figures) {
    const Service service;
    const Outcome refused = start_with(service, "--nofile=700:700");
    BOOST_TEST(refused.status == kConfig);
    for (const char* word :
         {"700", "RLIMIT_NOFILE", "workers.sessions_per_worker = 200", "milter.max_sessions = 12000"})
        BOOST_TEST(refused.errors.find(word) != std::string::npos, refused.errors);
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

BOOST_AUTO_TEST_CASE(too_few_threads_for_the_configuration_are_refused_with_the_figures) {
    const Service service;
    const Outcome refused = start_with(service, "--nproc=50:50");
    BOOST_TEST(refused.status == kConfig);
    for (const char* word : {" 50;", "RLIMIT_NPROC", "workers.session_max = 64"})
        BOOST_TEST(refused.errors.find(word) != std::string::npos, refused.errors);
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

BOOST_AUTO_TEST_CASE(a_low_soft_limit_of_descriptors_is_raised) {
    Service service;
    const Outcome again =
        run({"prlimit", "--nofile=256:", program("evermilterd"), "--check-config", "--config", service.config_file()});
    BOOST_TEST(again.status == 0);
    service.start();
    const std::string limits = read_file("/proc/" + std::to_string(service.pid()) + "/limits");
    const auto line = limits.substr(limits.find("Max open files"));
    std::istringstream words(line.substr(std::string("Max open files").size()));
    std::string soft;
    std::string hard;
    words >> soft >> hard;
    BOOST_TEST(soft == hard);
}

BOOST_AUTO_TEST_CASE(a_configuration_that_the_limits_do_not_allow_is_not_taken_over_later_either) {
    Service service;
    service.start();
    MilterClient client = service.session();
    const std::string pid = std::to_string(service.pid());
    BOOST_REQUIRE(run({"prlimit", "--pid", pid, "--nofile=6000:6000"}).status == 0);
    service.set("workers.sessions_per_worker", "2000");
    for (const char* scanners : {"2", "3"}) { // the second would need a new generation
        service.set("scanner.processes", scanners);
        const Outcome refused = service.ctl({"reload-config"});
        BOOST_TEST(refused.status == 1);
        for (const char* word : {"6000", "RLIMIT_NOFILE", "workers.sessions_per_worker = 2000"})
            BOOST_TEST(refused.errors.find(word) != std::string::npos, refused.errors);
    }
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    BOOST_TEST(service.status().at("generations").size() == 1U); // no generation was loaded for it
    BOOST_TEST(service.pids("scanner").size() == 2U);
    service.set("workers.sessions_per_worker", "300");
    BOOST_TEST(service.ctl({"reload-config"}).status == 0);
    client.quit();
    wait_until("three scanners are all", [&] { return service.pids("scanner").size() == 3; });
}

BOOST_AUTO_TEST_CASE(session_workers_are_started_ahead_of_need_and_retired_when_sessions_shrink) {
    Service service(Keys{{"workers.session_min", "1"},
                         {"workers.session_max", "3"},
                         {"workers.sessions_per_worker", "4"},
                         {"milter.max_sessions", "100"}});
    service.start();
    BOOST_TEST(service.pids("session").size() == 1);
    const auto workers = [](std::size_t count) {
        return [count](const nlohmann::json& status) {
            std::size_t found = 0;
            for (const auto& worker : status.at("workers"))
                if (worker.at("role") == "session" && worker.at("state") == "ready") ++found;
            return found == count;
        };
    };
    std::deque<MilterClient> clients;
    const auto open = [&](std::size_t count) {
        while (clients.size() < count) clients.push_back(service.session());
    };
    open(3); // one slot is left: the second worker is started before it is needed
    service.wait_status("a second worker", workers(2));
    open(7);
    service.wait_status("a third worker", workers(3));
    open(12);
    for (MilterClient& client : clients) BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    BOOST_TEST(service.pids("session").size() == 3);
    while (clients.size() > 2) {
        clients.back().quit();
        clients.pop_back();
    }
    // The remaining workers have a whole worker's room left.
    service.wait_status("a worker that is not needed is retired", workers(2));
    // The remaining sessions were not cut, whichever worker has them.
    for (MilterClient& client : clients) BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1"));
    MilterClient fresh = service.session();
    BOOST_TEST(fresh.message(clean_mail()).status() == "Clean");
    BOOST_TEST(service.status().at("crashes").at("session") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
