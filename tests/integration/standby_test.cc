// When a loader dies, its standby takes over with the engine that is in memory: scanners and sessions go on, no message
// is affected, nothing is loaded. Processes that die after that are replaced as before.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

struct Running {
    explicit Running(const Keys& keys = {{"scanner.processes", "2"}}) : service(keys) {
        service.start();
        id = current(service);
        const auto both = loader_and_standby(service, id);
        loader = both.loader;
        standby = both.standby;
        scanners = service.pids("scanner");
    }
    // Kills the loader; returns when its standby is the loader and has a standby itself.
    void kill_loader() {
        const auto both = evermilter::test::kill_loader(service, id);
        loader = both.loader;
        standby = both.standby;
    }
    void check_serves() const {
        MilterClient client = service.session();
        BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
        BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
    }
    void check_nothing_was_loaded() const {
        BOOST_TEST(current(service) == id);
        BOOST_TEST(count_log(service, "event=load-started") == 1U);
        BOOST_TEST(service.status().at("state") == "ready");
        BOOST_TEST(service.status().at("messages").at("error") == 0);
    }
    // Waits until the generation has its full number of scanners, and none of `gone`.
    void wait_scanners(const std::vector<pid_t>& gone) const {
        service.wait_status("all scanners are there", [&](const json& status) {
            const json now = generation(status, id).at("scanners");
            for (const json& one : now)
                if (std::find(gone.begin(), gone.end(), one.at("pid").get<pid_t>()) != gone.end()) return false;
            return now.size() == scanners.size();
        });
    }

    Service service;
    std::uint64_t id = 0;
    pid_t loader = 0;
    pid_t standby = 0;
    std::vector<pid_t> scanners;
};

int oom_score(pid_t pid) {
    return std::stoi(read_file("/proc/" + std::to_string(pid) + "/oom_score_adj"));
}

const json& crashes(const json& status, const char* role) {
    return status.at("crashes").at(role);
}

} // namespace

BOOST_AUTO_TEST_SUITE(standby_test)

BOOST_AUTO_TEST_CASE(a_generation_that_is_ready_has_a_standby_that_is_listed_and_runs_as_its_loader_does) {
    const Running one;
    BOOST_TEST(one.service.pids("standby") == std::vector<pid_t>{one.standby}, boost::test_tools::per_element());
    const auto process_of_standby = process(one.standby);
    BOOST_REQUIRE(process_of_standby.has_value());
    BOOST_TEST(process_of_standby->parent == one.loader);
#ifdef __SANITIZE_THREAD__
    constexpr int kThreads = 2; // one belongs to the sanitizer
#else
    constexpr int kThreads = 1;
#endif
    BOOST_TEST(process_of_standby->threads == kThreads);
    BOOST_TEST(real_user(one.standby) == real_user(one.loader));
    BOOST_TEST(status_field(one.standby, "CapEff") == status_field(one.loader, "CapEff"));
}

BOOST_AUTO_TEST_CASE(when_memory_runs_out_scanners_go_before_workers_and_those_before_the_supervisor) {
    const Running one;
    const int supervisor = oom_score(one.service.pid());
    const int session = oom_score(one.service.pids("session").front());
    BOOST_TEST(session > supervisor);
    BOOST_TEST(oom_score(one.loader) == session);
    BOOST_TEST(oom_score(one.standby) == session);
    for (const pid_t scanner : one.scanners) BOOST_TEST(oom_score(scanner) > session);
}

BOOST_AUTO_TEST_CASE(a_loader_that_is_killed_is_followed_by_its_standby_and_nothing_is_loaded) {
    Running one;
    MilterClient held = one.service.session();
    held.upload(eicar_in_body());
    const pid_t first_standby = one.standby;
    one.kill_loader();
    BOOST_TEST(one.loader == first_standby);
    BOOST_TEST(held.end_of_message().text().starts_with("550 "));
    BOOST_TEST(one.service.pids("scanner") == one.scanners, boost::test_tools::per_element());
    one.check_serves();
    one.check_nothing_was_loaded();
    BOOST_TEST(crashes(one.service.status(), "loader") == 1);
    BOOST_TEST(crashes(one.service.status(), "scanner") == 0);
    BOOST_TEST(crashes(one.service.status(), "standby") == 0);
}

BOOST_AUTO_TEST_CASE(the_standby_of_a_standby_follows_too) {
    Running one;
    one.kill_loader();
    one.kill_loader();
    BOOST_TEST(one.service.pids("scanner") == one.scanners, boost::test_tools::per_element());
    one.check_serves();
    one.check_nothing_was_loaded();
    BOOST_TEST(crashes(one.service.status(), "loader") == 2);
}

BOOST_AUTO_TEST_CASE(a_standby_that_is_killed_is_replaced) {
    Running one;
    kill(one.standby, SIGKILL);
    one.service.wait_status("there is another", [&](const json& status) {
        const json now = generation(status, one.id).at("standby");
        return now != 0 && now != one.standby && status.at("state") == "ready";
    });
    BOOST_TEST(crashes(one.service.status(), "standby") == 1);
    BOOST_TEST(!process(one.standby));
    one.standby = loader_and_standby(one.service, one.id).standby;
    one.kill_loader(); // the new standby is as good as the first
    one.check_serves();
    one.check_nothing_was_loaded();
}

BOOST_AUTO_TEST_CASE(scanners_that_outlived_their_loader_are_replaced_when_they_die_and_their_folders_wiped) {
    Running one;
    one.kill_loader();
    for (const pid_t scanner : one.scanners) {
        kill(scanner, SIGSEGV);
        one.wait_scanners({scanner});
    }
    one.wait_scanners(one.scanners);
    for (const pid_t scanner : one.scanners) BOOST_TEST(!process(scanner));
    for (const pid_t scanner : one.service.pids("scanner")) BOOST_TEST(process(scanner)->parent == one.loader);
    one.check_serves();
    one.check_nothing_was_loaded();
    BOOST_TEST(crashes(one.service.status(), "scanner") == 2);
    // One folder per scanner, each empty: none belongs to a dead one.
    BOOST_TEST(entries_below(one.service.temp_directory()).size() == one.scanners.size());
}

BOOST_AUTO_TEST_CASE(scanners_that_died_with_their_loader_are_forked_anew_from_the_same_engine) {
    Running one;
    MilterClient held = one.service.session();
    held.upload(eicar_in_body());
    stop_process(one.loader);
    for (const pid_t scanner : one.scanners) kill(scanner, SIGKILL);
    one.kill_loader();
    one.wait_scanners(one.scanners);
    BOOST_TEST(held.end_of_message().text().starts_with("550 "));
    one.check_serves();
    one.check_nothing_was_loaded();
}

BOOST_AUTO_TEST_CASE(a_scanner_that_hangs_is_killed_by_the_loader_that_followed) {
    Service service({{"scanner.processes", "1"},
                     {"scanner.max_scan_time", "\"3s\""},
                     {"scanner.pcre_match_limit", "4000000000"},
                     {"scanner.pcre_rec_match_limit", "1000000"}});
    write_slow_database(service.database());
    service.start();
    const auto id = current(service);
    const auto [loader, standby] = loader_and_standby(service, id);
    const pid_t scanner = service.pids("scanner").front();
    MilterClient client = service.session();
    client.upload(multipart_mail({text_part(slow_text(40))}));
    client.send('E');
    service.wait_status("it scans",
                        [&](const json& status) { return generation(status, id).at("scans_running") == 1; });
    kill(loader, SIGKILL);
    BOOST_TEST(client.receive_verdict().text().starts_with("451 "));
    service.wait_status("it is replaced", [&](const json& status) {
        const json now = generation(status, id).at("scanners");
        return now.size() == 1 && now.at(0).at("pid") != scanner;
    });
    service.wait_log({"scanner-overdue", "role=loader", "pid=" + std::to_string(standby)});
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(current(service) == id);
}

BOOST_AUTO_TEST_CASE(after_the_standby_took_over_a_reload_and_a_stop_go_as_ever_and_leave_nothing) {
    Running one;
    one.kill_loader();
    const auto processes = processes_of(one.service, one.id);
    MilterClient held = one.service.session();
    add_second_signature(one.service);
    BOOST_TEST(ask(one.service).at("ok") == true);
    BOOST_TEST(held.message(second_mail()).status() == "Clean"); // scanned by the old generation's scanners
    held.quit();
    wait_gone(one.service, one.id, processes);
    BOOST_TEST(one.service.session().message(second_mail()).text() == kSecondRejected);
    one.id = current(one.service);
    one.loader = loader_and_standby(one.service, one.id).loader;
    one.standby = loader_and_standby(one.service, one.id).standby;
    one.kill_loader();
    BOOST_TEST(one.service.stop() == 0);
    BOOST_TEST(one.service.leftovers().empty());
}

BOOST_AUTO_TEST_CASE(a_draining_generation_is_followed_by_its_standby_too_and_ends_with_its_sessions) {
    Running one;
    MilterClient held = one.service.session();
    add_second_signature(one.service);
    BOOST_TEST(ask(one.service).at("ok") == true);
    const auto second = current(one.service);
    BOOST_TEST(state_of(one.service.status(), one.id) == "draining");
    one.kill_loader();
    const auto processes = processes_of(one.service, one.id);
    kill(one.scanners.front(), SIGKILL);
    one.wait_scanners({one.scanners.front()});
    BOOST_TEST(held.message(second_mail()).status() == "Clean");
    held.quit();
    wait_gone(one.service, one.id, processes);
    BOOST_TEST(current(one.service) == second);
    BOOST_TEST(loads(one.service) == 2U);
}

BOOST_AUTO_TEST_CASE(a_loader_ends_after_its_standby_and_its_scanners) {
    Running one;
    add_second_signature(one.service);
    BOOST_TEST(ask(one.service).at("ok") == true);
    wait_state(one.service, one.id, "gone");
    BOOST_TEST(crashes(one.service.status(), "loader") == 0);
    BOOST_TEST(crashes(one.service.status(), "standby") == 0);
    BOOST_TEST(count_log(one.service, "standby-died") == 0U);
    for (const pid_t pid : {one.loader, one.standby}) BOOST_TEST(!process(pid));
}

BOOST_AUTO_TEST_SUITE_END()
