// Children that lie: their messages cannot kill, block, fill or overload anything, and the liar is killed and replaced.
#include <signal.h>
#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/reloading.h"
#include "tests/support/command.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// A service whose helpers become hostile on request.
struct Hostile {
    explicit Hostile(const std::string& ping_timeout = "10m")
        : service(Keys{{"database.watch", "false"},
                       {"workers.session_min", "1"},
                       {"scanner.processes", "2"},
                       {"process.ping_timeout", '"' + ping_timeout + '"'}}) {
        fs::create_directory(folder);
        fs::copy_file(program("evermilterd"), folder / "evermilterd");
        for (const std::string name : {"evermilter-session", "evermilter-scanner"}) {
            fs::copy_file(program(name), folder / (name + ".real"));
            fs::copy_file(program("hostile_child"), folder / name);
        }
        setenv("EVERMILTER_TEST_PROGRAMS", folder.c_str(), 1);
        service.launch();
        unsetenv("EVERMILTER_TEST_PROGRAMS");
        service.wait_ready();
    }
    // From the next start of a child on.
    void children_will(const std::string& behaviour) const { write_file(folder / "behaviour", behaviour); }
    void children_are_good() const { fs::remove(folder / "behaviour"); }

    // A forced reload whose loader behaves like that is refused, the loader is killed for `reason`, and all is as
    // before.
    void loader_is_killed(const std::string& behaviour, const std::string& reason) {
        const std::uint64_t now = current(service);
        const auto workers = service.pids("session");
        const auto processes = processes_of(service, now);
        children_will("loader " + behaviour);
        BOOST_TEST(ask(service, "reload --force").at("ok") == false);
        BOOST_TEST(!service.wait_log({"event=child-killed", reason}).empty());
        children_are_good();
        service.wait_status("nothing of it is left", [&](const json& status) {
            return status.at("state") == "ready" && status.at("workers").size() == workers.size() + processes.size();
        });
        BOOST_TEST(service.pids("session") == workers, boost::test_tools::per_element());
        BOOST_TEST(processes_of(service, now) == processes, boost::test_tools::per_element());
        const json answer = ask(service, "reload --force");
        BOOST_TEST(answer.at("ok") == true, answer.dump());
        serves();
    }
    void serves() {
        BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
        BOOST_TEST(service.session().message(clean_mail("as before")).status() == "Clean");
    }
    // All session workers are killed; their successors behave like that.
    void workers_will(const std::string& behaviour) {
        children_will("session " + behaviour);
        for (const pid_t pid : service.pids("session")) kill(pid, SIGKILL);
    }
    void workers_are_good() {
        children_are_good();
        for (const pid_t pid : service.pids("session")) kill(pid, SIGKILL);
        service.wait_ready();
        serves();
    }

    Service service;
    fs::path folder = service.path("programs");
};

} // namespace

BOOST_AUTO_TEST_SUITE(hostile_test)

BOOST_AUTO_TEST_CASE(a_loader_names_no_process_that_it_has_not_forked) {
    Hostile test;
    const pid_t worker = test.service.pids("session").front();
    test.loader_is_killed("standby " + std::to_string(worker), "has not forked");
    test.loader_is_killed("scanner " + std::to_string(worker), "has not forked");
    test.loader_is_killed("standby " + std::to_string(test.service.pid()), "has not forked");
    test.loader_is_killed("standby 1", "has not forked");
    test.loader_is_killed("scanner -1", "has not forked");
    test.loader_is_killed("standby " + std::to_string((std::int64_t{1} << 32) + worker), "has not forked");
    // A scanner that stays alive: those of the previous generation may end at any moment.
    const json serving = generation(test.service.status(), current(test.service)).at("scanners");
    test.loader_is_killed("standby " + std::to_string(serving.at(0).at("pid").get<pid_t>()), "has not forked");
}

BOOST_AUTO_TEST_CASE(a_loader_has_no_more_scanners_than_it_was_asked_for) {
    Hostile test;
    test.loader_is_killed("scanners", "more scanners");
    test.loader_is_killed("slot 2", "more scanners");
    test.loader_is_killed("slot 4294967295", "more scanners");
    test.loader_is_killed("twice", "a scanner its standby");
}

BOOST_AUTO_TEST_CASE(a_loader_that_floods_or_says_too_much_is_killed) {
    Hostile test;
    test.loader_is_killed("progress 100000", "it floods with LoadProgress");
    test.loader_is_killed("error 100000", "no message of ours");
}

// No serving process ends because of it, and no reload is reported as done that was not.
BOOST_AUTO_TEST_CASE(a_loader_says_nothing_that_it_was_not_asked_for) {
    Hostile test;
    test.loader_is_killed("room", "it waits for room, which it was not asked to do");
    test.loader_is_killed("unchanged", "it says that nothing has changed, which it was not asked");
}

BOOST_AUTO_TEST_CASE(half_a_message_and_one_with_a_descriptor_too_many_are_none_of_ours) {
    Hostile test;
    for (const std::string behaviour : {"half", "descriptor"}) {
        test.loader_is_killed(behaviour, "no message of ours");
        test.workers_will(behaviour);
        BOOST_TEST(!test.service.wait_log({"event=child-killed", "child=session", "no message of ours"}).empty());
        test.workers_are_good();
    }
}

BOOST_AUTO_TEST_CASE(a_session_worker_that_answers_and_is_never_ready_is_replaced) {
    Hostile test("3s");
    test.workers_will("never");
    BOOST_TEST(!test.service.wait_log({"event=child-killed", "it answers, but was not ready in time"}).empty());
    test.children_are_good();
    test.service.wait_ready();
    test.serves();
}

BOOST_AUTO_TEST_CASE(a_session_worker_calls_nobody_overdue_who_scans_nothing_for_it) {
    Hostile test;
    const auto scanners = test.service.pids("scanner");
    test.workers_will("overdue 300");
    test.service.wait_status("all is said", [](const json& now) { return now.at("viruses").contains("all is said"); });
    BOOST_TEST(count_log(test.service, "event=scanner-overdue") == 0U);
    BOOST_TEST(test.service.pids("scanner") == scanners, boost::test_tools::per_element());
    test.workers_are_good();
}

BOOST_AUTO_TEST_CASE(a_load_that_starves_again_and_again_is_refused) {
    Hostile test;
    const std::size_t before = count_log(test.service, "event=load-started");
    test.children_will("loader starved");
    BOOST_TEST(ask(test.service, "reload --force").at("ok") == false);
    BOOST_TEST(count_log(test.service, "event=load-started") - before <= 2U);
    test.children_are_good();
    BOOST_TEST(ask(test.service, "reload --force").at("ok") == true);
    test.serves();
}

BOOST_AUTO_TEST_CASE(session_workers_that_are_unfit_in_a_row_are_replaced_with_a_growing_delay) {
    for (const char* behaviour : {"unfit", "exit", "name 100000"}) {
        BOOST_TEST_CONTEXT(behaviour) {
            Hostile test;
            const auto begin = std::chrono::steady_clock::now();
            test.workers_will(behaviour);
            test.service.wait_status("the service is degraded by it",
                                     [](const json& status) { return status.at("state") == "degraded"; });
            // Five failures, with 0 to 100, 100 to 200, 200 to 400, 400 to 800 ms between them.
            BOOST_TEST((std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(350)));
            BOOST_TEST(count_log(test.service, "event=session-worker-failed") <= 12U);
            test.workers_are_good();
        }
    }
}

BOOST_AUTO_TEST_CASE(a_session_worker_is_unfit_once) {
    Hostile test;
    test.workers_will("unfit-again 1000");
    BOOST_TEST(!test.service.wait_log({"event=child-killed", "it was unfit already"}).empty());
    test.workers_are_good();
}

BOOST_AUTO_TEST_CASE(names_of_viruses_are_bounded_in_length_and_number) {
    Hostile test;
    test.workers_will("name 256");
    BOOST_TEST(!test.service.wait_log({"event=child-killed", "no message of ours"}).empty());
    test.workers_will("names 5000");
    json status;
    test.service.wait_status("all are counted", [&](const json& now) {
        status = now;
        return now.at("viruses").contains("(others)") && now.at("viruses").at("(others)") == 4000;
    });
    BOOST_TEST(status.at("viruses").size() == 1001U);
    BOOST_TEST(status.dump().size() < 512U * 1024U);
    test.workers_are_good();
}

BOOST_AUTO_TEST_SUITE_END()
