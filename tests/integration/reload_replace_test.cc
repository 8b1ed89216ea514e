// reload.mode = "replace", for hosts with room for one engine: the old generation ends before the new one is loaded.
#include <sched.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

Keys replacing(Keys more = {}) {
    more["reload.mode"] = "\"replace\"";
    return more;
}

// Requests a reload, and stops its loader when the old generation is gone and nothing is active.
class Between {
  public:
    explicit Between(const Service& service) {
        write_signature(service.database(), "Second", kSecondText);
        if (!ask(service, "reload --no-wait").at("ok").get<bool>()) throw std::runtime_error("no reload");
        service.wait_status("nothing is active, and the new one loads", [&](const json& status) {
            if (status.at("current_generation") != 0) return false;
            for (const auto& one : status.at("generations"))
                if (one.at("state") == "loading" && one.at("step") == "load") loader_ = one.at("loader").get<pid_t>();
            return loader_ != 0;
        });
        stop_process(loader_);
    }
    ~Between() { go_on(); }
    Between(const Between&) = delete;
    Between& operator=(const Between&) = delete;
    void go_on() {
        if (loader_ != 0 && alive(loader_)) continue_process(loader_);
        loader_ = 0;
    }
    [[nodiscard]] pid_t loader() const { return loader_; }

  private:
    pid_t loader_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(reload_replace_test)

BOOST_AUTO_TEST_CASE(the_old_engine_is_gone_before_the_new_one_is_loaded_and_no_session_is_cut) {
    Service service(replacing());
    service.start();
    const auto first = current(service);
    MilterClient held = service.session();
    BOOST_TEST(held.message(second_mail()).status() == "Clean");
    MilterClient in_body = service.session();
    in_body.upload(second_mail());
    for (int round = 0; round < 5; ++round) {
        const auto before = current(service);
        const auto processes = processes_of(service, before);
        if (round == 0) add_second_signature(service);
        const json done = ask(service, round == 0 ? "reload" : "reload --force");
        BOOST_TEST(done.at("ok") == true, done);
        for (const pid_t pid : processes) BOOST_TEST(!process(pid));
        const std::string then = "generation=" + std::to_string(before + 1);
        BOOST_TEST(line_of(service, {"generation-gone", "generation=" + std::to_string(before)}) <
                   line_of(service, {"load-progress", then, "step=load"}));
        BOOST_TEST(held.message(second_mail()).text() == kSecondRejected);
    }
    BOOST_TEST(in_body.end_of_message().text() == kSecondRejected);
    BOOST_TEST(current(service) == first + 5);
    BOOST_TEST(service.status().at("state") == "ready");
    BOOST_TEST(service.status().at("messages").at("error") == 0);
}

BOOST_AUTO_TEST_CASE(a_scan_that_runs_is_finished_first) {
    Service service(replacing({{"scanner.processes", "1"}}));
    service.start();
    const auto processes = processes_of(service, current(service));
    stop_process(processes.back());
    MilterClient client = service.session();
    client.upload(second_mail());
    client.send('E');
    service.wait_status("it is in the queue",
                        [](const json& status) { return status.at("sessions").at("by_stage").at("eom") == 1; });
    add_second_signature(service);
    StatusClient operators(service.status_path());
    operators.send("reload\n");
    service.wait_log({"generation-draining"});
    continue_process(processes.back());
    // Either generation may answer, because no scanner had taken it; but one of them must.
    const Verdict verdict = client.receive_verdict();
    BOOST_TEST((verdict.status() == "Clean" || verdict.text() == kSecondRejected), verdict.text());
    BOOST_TEST(json::parse(operators.receive_until('\n')).at("ok") == true);
    BOOST_TEST(client.message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(an_end_of_message_waits_for_the_new_generation) {
    Service service(replacing());
    write_bulk_database(service.database(), kBulk);
    service.start();
    MilterClient client = service.session();
    client.upload(second_mail());
    Between between(service);
    for (const pid_t thread : threads_of(between.loader())) BOOST_TEST(::sched_getscheduler(thread) == SCHED_OTHER);
    MilterClient fresh = service.session(); // connections are accepted meanwhile
    client.send('E');
    service.wait_status("it waits",
                        [](const json& status) { return status.at("sessions").at("by_stage").at("eom") == 1; });
    BOOST_TEST(fresh.mail().command == 'c');
    BOOST_TEST(!client.readable());
    between.go_on();
    BOOST_TEST(client.receive_verdict().text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(an_end_of_message_waits_for_at_most_queue_timeout) {
    Service service(replacing({{"scanner.queue_timeout", "\"200ms\""}}));
    write_bulk_database(service.database(), kBulk);
    service.start();
    MilterClient client = service.session();
    client.upload(second_mail());
    Between between(service);
    BOOST_TEST(client.end_of_message().text().starts_with("451 "));
    between.go_on();
    service.wait_status("it is active", [](const json& status) { return status.at("state") == "ready"; });
    wait_until("it is used", [&] { return client.message(second_mail()).text() == kSecondRejected; });
}

BOOST_AUTO_TEST_CASE(a_refused_load_brings_the_old_database_back) {
    Keys keys = replacing();
    keys["database.broken_file"] = "\"refuse\"";
    Service service(keys);
    add_second_signature(service);
    service.start();
    const auto first = current(service);
    MilterClient held = service.session();
    const std::string broken = service.database() / "broken.ndb";
    write_file(broken, "this is no signature\n");
    const json refused = ask(service);
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(refused.at("error").get<std::string>().find(broken) != std::string::npos, refused);
    BOOST_TEST(held.message(second_mail()).text() == kSecondRejected); // it waits if it must
    const json status = service.wait_status("the old database serves again", [&](const json& now) {
        return now.at("state") == "degraded" && now.at("current_generation") > first;
    });
    BOOST_TEST(status.at("reason").get<std::string>().starts_with("signatures are stale since "), status.at("reason"));
    BOOST_TEST(status.at("last_reload").at("ok") == false);
    BOOST_TEST(status.at("last_reload").at("error") == refused.at("error"));
    BOOST_TEST(generation(status, status.at("current_generation").get<std::uint64_t>()).at("signatures") == 2U);
    fs::remove(broken);
    BOOST_TEST(ask(service).at("changed") == false);
    BOOST_TEST(service.status().at("state") == "ready");
}

BOOST_AUTO_TEST_CASE(a_loader_that_dies_brings_the_old_database_back) {
    Service service(replacing());
    write_bulk_database(service.database(), kBulk);
    service.start();
    const auto first = current(service);
    BOOST_TEST(ask(service, "hold").at("ok") == true); // otherwise the load is tried again
    Between between(service);
    kill(between.loader(), SIGKILL);
    service.wait_status("the old database serves again", [&](const json& now) {
        return now.at("state") == "degraded" && now.at("current_generation") > first;
    });
    BOOST_TEST(service.session().message(second_mail()).status() == "Clean"); // the old database, as it was
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
}

BOOST_AUTO_TEST_CASE(what_is_seen_before_the_load_costs_the_old_generation_nothing) {
    Service service(replacing());
    add_second_signature(service);
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    BOOST_TEST(ask(service).at("changed") == false);
    fs::rename(service.database() / "Second.ndb", service.path("Second.ndb"));
    BOOST_TEST(ask(service).at("ok") == false); // a database has vanished
    fs::rename(service.database() / "eicar.ndb", service.path("eicar.ndb"));
    BOOST_TEST(ask(service).at("ok") == false); // the directory is empty
    BOOST_TEST(processes_of(service, first) == processes, boost::test_tools::per_element());
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_SUITE_END()
