// Reload requests that meet each other, and holds: what each request does, and what its caller is answered.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kThirdText = "evermilter-third-signature-text";

// First a good content, then a bad one: the one with the second signature. A load takes long enough to be held.
struct GoodThenBad {
    explicit GoodThenBad(bool slow = true, const Keys& keys = {}) : service(keys) {
        if (slow) write_bulk_database(service.database(), kBulk);
        service.start();
        good = current(service);
        add_second_signature(service);
        const json done = ask(service);
        BOOST_REQUIRE_MESSAGE(done.at("ok") == true, done.dump());
        bad = current(service);
        BOOST_TEST(!serves_good());
    }
    [[nodiscard]] bool serves_good() const { return service.session().message(second_mail()).status() == "Clean"; }
    [[nodiscard]] bool held() const { return service.status().at("hold") == true; }
    void asks_for_reload_as_freshclam_does() const {
        StatusClient freshclam(service.status_path());
        freshclam.send(std::string("RELOAD\0", 7));
        BOOST_TEST(freshclam.receive_all().starts_with("RELOADING"));
    }
    void restart() {
        BOOST_TEST(service.stop() == 0);
        service.start();
    }

    Service service;
    std::uint64_t good = 0;
    std::uint64_t bad = 0;
};

// A command whose answer comes later.
class Asked {
  public:
    Asked(const Service& service, const std::string& command) : client_(service.status_path()) {
        const std::size_t before = count_log(service, "event=operator-command");
        client_.send(command + "\n");
        wait_until("it is asked for", [&] { return count_log(service, "event=operator-command") > before; });
    }
    json answer() { return json::parse(client_.receive_until('\n')); }

  private:
    StatusClient client_;
};

// Stops the loader that is at work; the destructor lets it continue.
class StoppedLoad {
  public:
    explicit StoppedLoad(const Service& service) {
        service.wait_status("a loader is at work", [&](const json& status) {
            for (const json& one : status.at("generations"))
                if (one.at("state") == "loading" && !one.at("step").get<std::string>().empty())
                    loader_ = one.at("loader").get<pid_t>();
            return loader_ != 0;
        });
        stop_process(loader_);
    }
    ~StoppedLoad() { go_on(); }
    StoppedLoad(const StoppedLoad&) = delete;
    StoppedLoad& operator=(const StoppedLoad&) = delete;
    void go_on() {
        if (loader_ != 0 && alive(loader_)) continue_process(loader_);
        loader_ = 0;
    }

  private:
    pid_t loader_ = 0;
};

bool contains(const json& document, const std::string& text) {
    return document.dump().find(text) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(reload_orders_test)

BOOST_AUTO_TEST_CASE(freshclams_word_during_a_rollbacks_load_does_not_bring_the_bad_database_back) {
    GoodThenBad one;
    Asked back(one.service, "rollback");
    StoppedLoad load(one.service);
    one.asks_for_reload_as_freshclam_does();
    load.go_on();
    const json answer = back.answer();
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(answer.at("content_of") == one.good, answer);
    BOOST_TEST(answer.at("held") == true, answer);
    one.service.wait_log({"event=reload-held", "RELOAD"});
    BOOST_TEST(one.held());
    BOOST_TEST(one.serves_good());
}

BOOST_AUTO_TEST_CASE(an_explicit_reload_given_during_a_rollbacks_load_follows_it_and_ends_the_hold) {
    GoodThenBad one;
    Asked back(one.service, "rollback");
    StoppedLoad load(one.service);
    Asked reload(one.service, "reload");
    load.go_on();
    const json answer = back.answer();
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(answer.at("held") == true, answer);
    const json then = reload.answer();
    BOOST_TEST(then.at("ok") == true, then);
    BOOST_TEST(then.at("changed") == true, then);
    BOOST_TEST(then.at("held") == false, then);
    BOOST_TEST(!one.held());
    BOOST_TEST(!one.serves_good());
}

BOOST_AUTO_TEST_CASE(a_rollback_to_what_is_not_there_does_not_refuse_the_reload_beside_it) {
    GoodThenBad one;
    write_signature(one.service.database(), "Third", kThirdText);
    HeldLoad load(one.service);
    Asked reload(one.service, "reload --force");
    Asked back(one.service, "rollback 4711");
    Asked another(one.service, "reload --force");
    load.go_on();
    const json refused = back.answer();
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(contains(refused, "4711"), refused);
    BOOST_TEST(contains(refused, std::to_string(one.good)), refused);
    for (Asked* done : {&reload, &another}) {
        const json answer = done->answer();
        BOOST_TEST(answer.at("ok") == true, answer);
        BOOST_TEST(answer.at("changed") == true, answer);
    }
    BOOST_TEST(!one.held());
}

BOOST_AUTO_TEST_CASE(a_reload_beside_a_rollback_is_a_load_of_its_own_and_its_answer_is_true) {
    GoodThenBad one;
    HeldLoad load(one.service);
    Asked reload(one.service, "reload");
    Asked back(one.service, "rollback");
    write_signature(one.service.database(), "Third", kThirdText);
    load.go_on();
    const json done = reload.answer();
    BOOST_TEST(done.at("ok") == true, done);
    const auto third = done.at("generation").get<std::uint64_t>();
    BOOST_TEST(done.at("content_of") == third, done);
    const json answer = back.answer();
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(answer.at("generation").get<std::uint64_t>() > third, answer);
    BOOST_TEST(answer.at("content_of") != third, answer);
    BOOST_TEST(one.held());
    BOOST_TEST(generation(one.service.status(), third).at("signatures") ==
               generation(one.service.status(), one.bad).at("signatures").get<std::uint64_t>() + 1);
}

BOOST_AUTO_TEST_CASE(resume_during_a_rollbacks_load_is_not_undone_by_its_end_nor_hold_by_a_reloads) {
    GoodThenBad one;
    {
        Asked back(one.service, "rollback");
        StoppedLoad load(one.service);
        BOOST_TEST(ask(one.service, "resume").at("hold") == false);
        load.go_on();
        BOOST_TEST(back.answer().at("held") == false);
    }
    one.service.wait_status("what the directory has is loaded", [&](const json& status) {
        return generation(status, status.at("current_generation")).at("digest") ==
               generation(status, one.bad).at("digest");
    });
    BOOST_TEST(!one.held());

    Asked reload(one.service, "reload --force");
    StoppedLoad load(one.service);
    BOOST_TEST(ask(one.service, "hold").at("hold") == true);
    load.go_on();
    BOOST_TEST(reload.answer().at("held") == true);
    BOOST_TEST(one.held());
}

BOOST_AUTO_TEST_CASE(other_settings_while_held_do_not_bring_the_bad_database_back) {
    GoodThenBad one(false);
    BOOST_TEST(ask(one.service, "rollback").at("ok") == true);
    one.service.set("scanner.max_recursion", "12");
    one.service.write_config();
    const json done = ask(one.service, "reload-config");
    BOOST_TEST(done.at("ok") == true, done);
    BOOST_TEST(one.serves_good());
    BOOST_TEST(one.held());
    // SIGHUP is an explicit reload of both.
    one.service.set("scanner.max_recursion", "13");
    one.service.write_config();
    one.service.signal(SIGHUP);
    one.service.wait_status("it ends the hold", [](const json& status) { return status.at("hold") == false; });
    BOOST_TEST(!one.serves_good());
}

BOOST_AUTO_TEST_CASE(a_refused_explicit_reload_leaves_the_hold) {
    GoodThenBad one(false);
    BOOST_TEST(ask(one.service, "rollback").at("ok") == true);
    std::ofstream(one.service.database() / "daily.cvd") << "broken\n";
    BOOST_TEST(ask(one.service, "reload").at("ok") == false);
    BOOST_TEST(one.held());
    BOOST_TEST(one.serves_good());
}

BOOST_AUTO_TEST_CASE(rollback_leaves_the_bad_content_however_often_it_was_forced_and_never_returns_to_it) {
    Service service;
    service.start(); // A
    const auto oldest = current(service);
    write_signature(service.database(), "Third", kThirdText);
    BOOST_TEST(ask(service).at("changed") == true); // B
    const auto good = current(service);
    add_second_signature(service);
    BOOST_TEST(ask(service).at("changed") == true); // the bad one
    const json first = ask(service, "rollback");
    BOOST_TEST(first.at("content_of") == good, first);
    for (int i = 0; i < 5; ++i) {
        const json forced = ask(service, "reload --force");
        BOOST_TEST(forced.at("ok") == true, forced);
    }
    const json back = ask(service, "rollback");
    BOOST_TEST(back.at("ok") == true, back);
    BOOST_TEST(back.at("content_of") == good, back);
    const json further = ask(service, "rollback");
    BOOST_TEST(further.at("ok") == true, further);
    BOOST_TEST(further.at("content_of") == oldest, further);
    const json none = ask(service, "rollback");
    BOOST_TEST(none.at("ok") == false, none);
    BOOST_TEST(generation(service.status(), current(service)).at("signatures") == 1U);
    // An operator may choose any generation.
    const json chosen = ask(service, "rollback " + std::to_string(good));
    BOOST_TEST(chosen.at("content_of") == good, chosen);
    BOOST_TEST(service.status().at("hold") == true);
}

BOOST_AUTO_TEST_CASE(a_hold_survives_a_restart_with_who_when_why_and_the_content_that_it_holds) {
    GoodThenBad one(false);
    const json back = ask(one.service, "rollback");
    BOOST_TEST(back.at("ok") == true, back);
    const json before = one.service.status().at("held");
    BOOST_TEST(contains(before.at("by"), "pid="), before);
    BOOST_TEST(contains(before.at("why"), "rollback"), before);
    BOOST_TEST(before.at("since").get<std::int64_t>() > 1'700'000'000, before);
    one.restart();
    BOOST_TEST(one.held());
    BOOST_TEST(one.service.status().at("held") == before);
    BOOST_TEST(one.serves_good());
    one.asks_for_reload_as_freshclam_does();
    one.service.wait_log({"event=reload-held", "RELOAD"});
    BOOST_TEST(one.serves_good());
    // A second restart, and a supervisor that is killed.
    one.service.signal(SIGKILL);
    BOOST_TEST(one.service.wait_end() == 128 + SIGKILL);
    one.service.start();
    BOOST_TEST(one.held());
    BOOST_TEST(one.serves_good());
    BOOST_TEST(ask(one.service, "resume").at("hold") == false);
    one.service.wait_status("the directory is loaded", [&](const json& status) {
        return generation(status, status.at("current_generation")).at("signatures") == 2U;
    });
    one.restart();
    BOOST_TEST(!one.held());
    BOOST_TEST(!one.serves_good());
}

BOOST_AUTO_TEST_CASE(a_rollback_after_a_restart_finds_the_snapshots_on_disk) {
    GoodThenBad one(false);
    one.restart();
    one.restart();
    const json listed = ask(one.service, "snapshots").at("snapshots");
    BOOST_REQUIRE(listed.size() >= 2U);
    BOOST_TEST(listed.front().at("state") == "active", listed);
    BOOST_TEST(listed.front().at("signatures") == 2U, listed);
    BOOST_TEST(listed.back().at("generation") == one.good, listed);
    BOOST_TEST(listed.back().at("signatures") == 1U, listed);
    const json back = ask(one.service, "rollback");
    BOOST_TEST(back.at("ok") == true, back);
    BOOST_TEST(back.at("content_of") == one.good, back);
    BOOST_TEST(one.serves_good());
    // Rejected content is remembered over a restart too.
    one.restart();
    const json none = ask(one.service, "rollback");
    BOOST_TEST(none.at("ok") == false, none);
    BOOST_TEST(one.serves_good());
    BOOST_TEST(one.service.ctl({"snapshots"}).output.find("rolled back") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(resume_loads_what_arrived_during_the_hold) {
    GoodThenBad one(false);
    const Outcome reason = one.service.ctl({"hold", "--reason", "a test of ours"});
    BOOST_TEST(reason.status == 0, reason.errors);
    BOOST_TEST(one.service.status().at("held").at("why") == "a test of ours");
    write_signature(one.service.database(), "Third", kThirdText);
    one.asks_for_reload_as_freshclam_does();
    one.service.wait_log({"event=reload-held"});
    BOOST_TEST(current(one.service) == one.bad);
    BOOST_TEST(one.service.ctl({"resume"}).status == 0);
    one.service.wait_status("it is loaded", [&](const json& status) {
        return generation(status, status.at("current_generation")).at("signatures") == 3U;
    });
}

BOOST_AUTO_TEST_CASE(where_the_held_content_is_gone_something_else_serves) {
    GoodThenBad one(false);
    BOOST_TEST(ask(one.service, "rollback").at("ok") == true);
    BOOST_TEST(one.service.stop() == 0);
    fs::remove_all(one.service.state_directory() / "snapshots");
    one.service.start();
    BOOST_TEST(one.held());
    BOOST_TEST(!one.serves_good()); // only the directory is left
    // And if the file is damaged, there is no hold.
    BOOST_TEST(one.service.stop() == 0);
    std::ofstream(one.service.state_directory() / "decisions") << "nonsense";
    one.service.start();
    BOOST_TEST(!one.held());
    one.service.wait_log({"event=decisions-damaged"});
}

BOOST_AUTO_TEST_CASE(rollback_goes_on_where_a_snapshot_cannot_be_loaded) {
    Service service;
    service.start();
    const auto oldest = current(service);
    write_signature(service.database(), "Third", kThirdText);
    BOOST_TEST(ask(service).at("changed") == true);
    const auto damaged = current(service);
    add_second_signature(service);
    BOOST_TEST(ask(service).at("changed") == true);
    std::ofstream(service.state_directory() / "snapshots" / std::to_string(damaged) / "eicar.ndb") << "damaged\n";
    const json back = ask(service, "rollback");
    BOOST_TEST(back.at("ok") == true, back);
    BOOST_TEST(back.at("content_of") == oldest, back);
}

BOOST_AUTO_TEST_CASE(what_is_no_generation_is_told_what_there_is) {
    Service service;
    service.start();
    const Outcome word = service.ctl({"rollback", "abc"});
    BOOST_TEST(word.status == 64);
    BOOST_TEST(word.errors.find("\"abc\" is no generation") != std::string::npos, word.errors);
    const Outcome missing = service.ctl({"rollback", "99999999999999999999999"});
    BOOST_TEST(missing.status == 1);
    BOOST_TEST(!missing.errors.empty());
}

BOOST_AUTO_TEST_SUITE_END()
