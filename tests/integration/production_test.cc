// The core of what the service promises, under settings that sites have and no other test uses: verdicts, a reload,
// every death, the stop.
#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/production.h"
#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

const TempOn kPlaces[] = {TempOn::disk, TempOn::tmpfs};

struct Site {
    explicit Site(TempOn where) : service(where) {
        service.start();
        id = current(service);
        const auto both = loader_and_standby(service, id);
        loader = both.loader;
        standby = both.standby;
    }
    // No message waits in vain, and no infected one passes.
    void check_serves() const {
        MilterClient client = service.session();
        for (int round = 0; round < 4; ++round) {
            BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
            BOOST_TEST(client.message(clean_mail("round " + std::to_string(round))).status() == "Clean");
        }
        BOOST_TEST(service.status().at("messages").at("error") == 0);
    }
    void kill_loader() {
        const auto both = evermilter::test::kill_loader(service, id);
        loader = both.loader;
        standby = both.standby;
    }
    // Returns when there is another standby.
    void kill_standby() {
        kill(standby, SIGKILL);
        service.wait_status("there is another", [&](const json& status) {
            const json now = generation(status, id).at("standby");
            return now != 0 && now != standby;
        });
        standby = loader_and_standby(service, id).standby;
    }
    // Kills every scanner; returns when all are new ones.
    void kill_scanners() const {
        const std::vector<pid_t> before = service.pids("scanner");
        for (const pid_t scanner : before) kill(scanner, SIGKILL);
        service.wait_status("all scanners are new ones", [&](const json& status) {
            const json now = generation(status, id).at("scanners");
            return now.size() == before.size() && std::none_of(now.begin(), now.end(), [&](const json& one) {
                       return std::find(before.begin(), before.end(), one.at("pid").get<pid_t>()) != before.end();
                   });
        });
    }

    Production service;
    std::uint64_t id = 0;
    pid_t loader = 0;
    pid_t standby = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(production_test)

BOOST_DATA_TEST_CASE(messages_get_their_verdicts_and_each_role_logs_as_itself, boost::unit_test::data::make(kPlaces),
                     where) {
    const Site site(where);
    site.check_serves();
    BOOST_TEST(real_user(site.loader) != real_user(site.service.pids("session").front()));
    BOOST_TEST(real_user(site.service.pid()) == 0U);
    site.kill_scanners(); // their loader logs that
    for (const char* role : {"role=supervisor", "role=session", "role=loader"})
        BOOST_TEST(!site.service.wait_log({role, "evermilter["}).empty());
}

BOOST_DATA_TEST_CASE(after_the_death_of_a_loader_scanners_that_its_standby_forks_serve,
                     boost::unit_test::data::make(kPlaces), where) {
    Site site(where);
    for (int round = 0; round < 2; ++round) {
        site.kill_loader();
        site.check_serves();
        site.kill_scanners();
        site.check_serves();
    }
    BOOST_TEST(current(site.service) == site.id);
    BOOST_TEST(count_log(site.service, "event=load-started") == 1U);
    BOOST_TEST(count_log(site.service, "event=scanners-idle") == 0U);
}

BOOST_DATA_TEST_CASE(a_standby_that_is_killed_is_replaced_and_follows_the_loader, boost::unit_test::data::make(kPlaces),
                     where) {
    Site site(where);
    site.kill_standby();
    site.kill_loader();
    site.kill_scanners();
    site.check_serves();
}

BOOST_DATA_TEST_CASE(scanners_and_session_workers_that_are_killed_are_replaced, boost::unit_test::data::make(kPlaces),
                     where) {
    const Site site(where);
    site.kill_scanners();
    site.check_serves();
    const std::vector<pid_t> workers = site.service.pids("session");
    for (const pid_t worker : workers) kill(worker, SIGKILL);
    site.service.wait_status("they are replaced", [&](const json& status) {
        std::size_t ready = 0;
        for (const json& one : status.at("workers"))
            if (one.at("role") == "session" && one.at("state") == "ready" &&
                std::find(workers.begin(), workers.end(), one.at("pid").get<pid_t>()) == workers.end())
                ++ready;
        return ready >= workers.size();
    });
    site.check_serves();
}

BOOST_DATA_TEST_CASE(a_reload_goes_as_ever_before_and_after_the_death_of_a_loader,
                     boost::unit_test::data::make(kPlaces), where) {
    Site site(where);
    add_second_signature(site.service);
    BOOST_TEST(ask(site.service).at("ok") == true);
    BOOST_TEST(site.service.session().message(second_mail()).text() == kSecondRejected);
    site.id = current(site.service);
    const auto both = loader_and_standby(site.service, site.id);
    site.loader = both.loader;
    site.standby = both.standby;
    site.kill_loader();
    BOOST_TEST(ask(site.service, "reload --force").at("ok") == true);
    site.check_serves();
}

BOOST_DATA_TEST_CASE(logs_are_opened_anew_and_a_stop_leaves_nothing, boost::unit_test::data::make(kPlaces), where) {
    Site site(where);
    site.kill_loader();
    site.service.signal(SIGUSR1);
    site.service.wait_log({"event=logs-reopened"});
    site.kill_scanners();
    site.check_serves();
    BOOST_TEST(site.service.stop() == 0);
    BOOST_TEST(site.service.leftovers().empty());
}

BOOST_AUTO_TEST_SUITE_END()
