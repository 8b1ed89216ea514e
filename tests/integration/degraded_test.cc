// The state "degraded" and its reason when dead processes cannot be started again: the others go on, and the state is
// "ready" when all are there again. For session workers see shortage_test.
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/limited.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

json wait_degraded(const Service& service, const std::string& why) {
    return service.wait_status("it is degraded: " + why, [&](const json& status) {
        return status.at("state") == "degraded" &&
               status.at("reason").get<std::string>().find(why) != std::string::npos;
    });
}

json wait_ready(const Service& service) {
    json status = service.wait_status("it is well", [](const json& now) { return now.at("state") == "ready"; });
    BOOST_TEST(status.at("reason") == "");
    return status;
}

void serves(const Service& service) {
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
}

} // namespace

BOOST_AUTO_TEST_SUITE(degraded_test)

BOOST_AUTO_TEST_CASE(a_loader_that_cannot_be_started_again_leaves_its_scanners_at_work) {
    Service service({}, As::ordinary_user);
    service.start();
    const auto first = current(service);
    const auto scanners = service.pids("scanner");
    const auto [loader, standby] = loader_and_standby(service, first);
    {
        const Limited none(service.pid(), RLIMIT_NPROC, 0);
        kill_all({loader, standby});
        const json status = wait_degraded(service, "cannot start evermilter-scanner");
        BOOST_TEST(
            status.at("reason").get<std::string>().find("generation " + std::to_string(first)) != std::string::npos,
            status.at("reason"));
        BOOST_TEST(status.at("current_generation") == first);
        BOOST_TEST(service.pids("scanner") == scanners, boost::test_tools::per_element());
        serves(service);
        nobody_spins({service.pid()});
    }
    BOOST_TEST(wait_ready(service).at("current_generation") > first);
    wait_state(service, first, "gone");
    (void)loader_and_standby(service, current(service));
    serves(service);
}

BOOST_AUTO_TEST_CASE(a_standby_that_cannot_be_forked_again_costs_nothing_but_itself) {
    Service service;
    service.start();
    const auto first = current(service);
    const auto scanners = service.pids("scanner");
    const auto [loader, standby] = loader_and_standby(service, first);
    {
        const Limited none(loader, RLIMIT_NPROC, 0);
        kill(standby, SIGKILL);
        const json status = wait_degraded(service, "cannot fork a standby");
        BOOST_TEST(
            status.at("reason").get<std::string>().find("generation " + std::to_string(first)) != std::string::npos,
            status.at("reason"));
        BOOST_TEST(service.pids("loader").front() == loader);
        BOOST_TEST(service.pids("scanner") == scanners, boost::test_tools::per_element());
        serves(service);
        nobody_spins({service.pid(), loader});
    }
    wait_ready(service);
    BOOST_TEST(loader_and_standby(service, first).loader == loader);
    serves(service);
}

BOOST_AUTO_TEST_CASE(scanners_that_cannot_be_forked_again_let_messages_wait_for_queue_timeout_only) {
    Service service(Keys{{"scanner.queue_timeout", "\"3s\""}});
    service.start();
    MilterClient held = service.session();
    const pid_t loader = service.pids("loader").front();
    const auto scanners = service.pids("scanner");
    {
        const Limited none(loader, RLIMIT_NPROC, 0);
        // The scanners that are left serve.
        kill(scanners.front(), SIGKILL);
        wait_degraded(service, "cannot fork a scanner");
        BOOST_TEST(held.message(eicar_in_body()).text().starts_with("550 "));
        for (const pid_t pid : service.pids("scanner")) kill(pid, SIGKILL);
        service.wait_status("no scanner is left", [&](const json&) { return service.pids("scanner").empty(); });
        const std::string text = held.message(eicar_in_body()).text();
        BOOST_TEST(text.starts_with("451 "), text);
        BOOST_TEST(service.status().at("state") == "degraded");
        BOOST_TEST(service.pids("loader").front() == loader);
        nobody_spins({service.pid(), loader});
    }
    wait_ready(service);
    BOOST_TEST(service.pids("scanner").size() == scanners.size());
    serves(service);
}

BOOST_AUTO_TEST_CASE(scanners_that_die_one_after_another_make_it_degraded_until_one_has_served) {
    Service service;
    service.start();
    service.wait_status("they die one after another", [&](const json& status) {
        for (const pid_t pid : service.pids("scanner")) kill(pid, SIGKILL);
        return status.at("state") == "degraded";
    });
    wait_degraded(service, "die one after another: signal 9");
    serves(service);
    wait_ready(service);
    // A scanner that dies after others have served changes nothing.
    const auto died = count_log(service, "event=scanner-died");
    kill(service.pids("scanner").front(), SIGKILL);
    wait_until("its death is told", [&] { return count_log(service, "event=scanner-died") > died; });
    serves(service);
    BOOST_TEST(service.status().at("state") == "ready");
}

BOOST_AUTO_TEST_SUITE_END()
