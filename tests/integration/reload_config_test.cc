// Reloading the configuration: a change does what it needs and nothing else; a wrong file changes nothing. And
// rollback.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <set>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::set<pid_t> pids(const Service& service, const std::string& role) {
    const std::vector<pid_t> list = service.pids(role);
    return {list.begin(), list.end()};
}

json taken(const Service& service) {
    json answer = ask(service, "reload-config");
    BOOST_TEST(answer.at("ok") == true, answer);
    return answer;
}

bool common(const std::set<pid_t>& a, const std::set<pid_t>& b) {
    return std::any_of(a.begin(), a.end(), [&](pid_t pid) { return b.contains(pid); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(reload_config_test)

BOOST_AUTO_TEST_CASE(an_unchanged_file_changes_nothing) {
    Service service;
    service.start();
    const auto workers = pids(service, "session");
    const auto loaders = pids(service, "loader");
    const json answer = taken(service);
    BOOST_TEST(answer.at("changed") == false);
    BOOST_TEST(pids(service, "session") == workers, boost::test_tools::per_element());
    BOOST_TEST(pids(service, "loader") == loaders, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_live_is_taken_without_a_new_process) {
    Service service;
    service.start();
    const auto workers = pids(service, "session");
    const auto loaders = pids(service, "loader");
    MilterClient held = service.session();
    service.set("milter.max_sessions", "1");
    BOOST_TEST(taken(service).at("changed") == true);
    service.client().wait_closed(); // now a second session is one too many
    service.set("milter.max_sessions", "5");
    taken(service);
    BOOST_TEST(service.session().message(clean_mail("served")).status() == "Clean");
    BOOST_TEST(held.message(clean_mail("held")).status() == "Clean");
    BOOST_TEST(pids(service, "session") == workers, boost::test_tools::per_element());
    BOOST_TEST(pids(service, "loader") == loaders, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_needs_new_session_workers_is_for_new_sessions_and_old_ones_end_as_they_began) {
    Service service;
    service.start();
    const auto workers = pids(service, "session");
    const auto loaders = pids(service, "loader");
    MilterClient old = service.session();
    service.set("actions.reject_text", "\"554 5.7.0 not here: {virus}\"");
    BOOST_TEST(taken(service).at("changed") == true);
    MilterClient fresh = service.session();
    BOOST_TEST(fresh.message(eicar_in_body()).text() == std::string("554 5.7.0 not here: ") + kEicarName);
    BOOST_TEST(old.message(eicar_in_body()).text() == std::string("550 5.7.1 virus found: ") + kEicarName);
    old.quit();
    service.wait_status("the old workers have ended",
                        [&](const json&) { return !common(pids(service, "session"), workers); });
    BOOST_TEST(pids(service, "loader") == loaders, boost::test_tools::per_element());
    BOOST_TEST(service.status().at("crashes").at("session") == 0);
}

BOOST_AUTO_TEST_CASE(what_needs_a_new_generation_is_taken_when_it_is_loaded_and_not_before) {
    Service service;
    service.start();
    const auto first = current(service);
    service.set("scanner.processes", "3");
    const json answer = taken(service);
    BOOST_TEST(answer.at("generation").get<std::uint64_t>() > first);
    BOOST_TEST(service.pids("scanner").size() >= 3U);
    BOOST_TEST(generation(service.status(), current(service)).at("scanners").size() == 3U);

    // Another directory, whose database is broken: nothing of the file is taken.
    const auto second = current(service);
    service.wait_status("the former session workers have ended", [](const json& status) {
        const auto& all = status.at("workers");
        return std::all_of(all.begin(), all.end(),
                           [](const json& one) { return one.at("role") != "session" || one.at("state") == "ready"; });
    });
    const auto workers = pids(service, "session");
    fs::create_directory(service.path("other"));
    write_file(service.path("other") / "broken.ndb", "this is no signature\n");
    service.set("database.directory", "\"" + service.path("other").string() + "\"");
    service.set("actions.reject_text", "\"554 5.7.0 not here: {virus}\"");
    const json refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(refused.at("error").get<std::string>().find("broken.ndb") != std::string::npos, refused);
    BOOST_TEST(current(service) == second);
    BOOST_TEST(pids(service, "session") == workers, boost::test_tools::per_element());
    BOOST_TEST(service.session().message(eicar_in_body()).text() ==
               std::string("550 5.7.1 virus found: ") + kEicarName);

    fs::remove(service.path("other") / "broken.ndb");
    write_eicar_database(service.path("other"));
    write_signature(service.path("other"), "Second", kSecondText);
    taken(service);
    BOOST_TEST(service.session().message(second_mail()).text() ==
               "554 5.7.0 not here: Evermilter.Test.Second.UNOFFICIAL");
}

BOOST_AUTO_TEST_CASE(what_needs_a_restart_is_refused_with_the_keys_name) {
    Service service;
    service.start();
    service.set("message.spool_directory", "\"" + service.path("elsewhere").string() + "\"");
    service.set("milter.max_sessions", "1");
    const json refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("ok") == false);
    BOOST_TEST(refused.at("error").get<std::string>().find("message.spool_directory") != std::string::npos, refused);
    const MilterClient first = service.session();
    BOOST_TEST(service.session().message(clean_mail("a second")).status() == "Clean");
    BOOST_TEST(service.ctl({"reload-config"}).status == 1);
}

BOOST_AUTO_TEST_CASE(a_wrong_file_changes_nothing_and_says_where_it_is_wrong) {
    Service service;
    service.start();
    const auto workers = pids(service, "session");
    const auto first = current(service);
    service.set("scanner.proceses", "3");
    service.set("milter.max_sessions", "1");
    const json refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("ok") == false);
    const auto error = refused.at("error").get<std::string>();
    BOOST_TEST(error.find(service.config_file() + ":") != std::string::npos, error);
    BOOST_TEST(error.find("scanner.processes") != std::string::npos, error); // the nearest known key
    service.wait_log({"config-refused", "scanner.proceses"});
    BOOST_TEST(pids(service, "session") == workers, boost::test_tools::per_element());
    const MilterClient one = service.session();
    BOOST_TEST(service.session().message(clean_mail("a second")).status() == "Clean");

    // SIGHUP still reloads the database, with the configuration in use.
    add_second_signature(service);
    service.signal(SIGHUP);
    service.wait_status("the database is loaded",
                        [&](const json& status) { return status.at("current_generation") > first; });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
    BOOST_TEST(count_log(service, "config-refused") == 2);
    service.set("scanner.proceses", "");
    service.set("milter.max_sessions", "");
    taken(service);
}

BOOST_AUTO_TEST_CASE(listeners_come_and_go_without_closing_the_others) {
    Service service;
    service.start();
    MilterClient held = service.session();
    held.upload(clean_mail("held"));
    const std::string first = service.milter_address();
    const std::string second = "unix:" + service.path("second.sock").string();
    service.set("milter.listen", "[\"" + first + "\", \"" + second + "\", \"inet:0@127.0.0.1\"]");
    taken(service);
    const json listeners = service.status().at("listeners");
    BOOST_TEST(listeners.size() == 3U, listeners);
    for (const auto& address : listeners) {
        MilterClient client(address.get<std::string>());
        client.open();
        BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
    }
    MilterClient on_second(second);
    on_second.open();
    service.set("milter.listen", "[\"" + second + "\"]");
    taken(service);
    BOOST_TEST(service.status().at("listeners") == json::array({second}));
    BOOST_TEST(!fs::exists(service.path("milter.sock")));
    BOOST_CHECK_THROW(MilterClient{first}, std::system_error);
    // Sessions of a removed listener are not cut.
    BOOST_TEST(held.end_of_message().status() == "Clean");
    BOOST_TEST(on_second.message(clean_mail("still there")).status() == "Clean");

    // If one listener cannot be made, nothing is taken.
    service.set("milter.listen", "[\"unix:/nonexistent/milter.sock\", \"" + second + "\"]");
    const json refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("ok") == false);
    BOOST_TEST(refused.at("error").get<std::string>().find("/nonexistent") != std::string::npos, refused);
    MilterClient again(second);
    again.open();
    BOOST_TEST(again.message(clean_mail("as before")).status() == "Clean");
    BOOST_TEST(on_second.message(clean_mail("as before")).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(past_session_max_the_oldest_sessions_get_421_at_their_next_mail) {
    Service service(
        Keys{{"workers.session_min", "1"}, {"workers.session_max", "2"}, {"workers.sessions_per_worker", "1"}});
    service.start();
    MilterClient oldest = service.session();
    BOOST_TEST(oldest.message(clean_mail("before")).status() == "Clean");
    service.set("actions.reject_text", "\"554 5.7.0 not here: {virus}\"");
    taken(service);
    MilterClient second = service.session(); // fills the only new worker that session_max allows
    BOOST_TEST(oldest.message(clean_mail("there is room")).status() == "Clean");
    oldest.upload(clean_mail("begun before"));

    MilterClient third = service.client();
    third.send_raw(std::string("\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff", 17));
    service.wait_log({"draining", "refuse_mail=yes"});
    BOOST_TEST(oldest.end_of_message().status() == "Clean"); // the message that had begun is finished
    BOOST_TEST(oldest.mail().text().starts_with("421 "));
    oldest.close();
    BOOST_TEST(third.receive().command == 'O'); // served now
    BOOST_TEST(second.message(clean_mail("newer")).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(rollback_goes_back_and_holds_until_resume) {
    Service service(Keys{{"database.watch", "true"}, {"database.settle", "\"100ms\""}});
    service.start();
    const auto first = current(service);
    BOOST_TEST(ask(service, "rollback").at("ok") == false); // there is no earlier one
    add_second_signature(service);
    service.wait_status("the second is active",
                        [&](const json& status) { return status.at("current_generation") > first; });
    const auto second = current(service);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);

    const json back = ask(service, "rollback");
    BOOST_TEST(back.at("ok") == true, back);
    BOOST_TEST(service.status().at("hold") == true);
    BOOST_TEST(service.session().message(second_mail()).status() == "Clean");
    const auto third = current(service);
    BOOST_TEST(third > second);
    // Now neither freshclam's RELOAD nor the watch starts a reload.
    StatusClient freshclam(service.status_path());
    freshclam.send(std::string("RELOAD\0", 7));
    BOOST_TEST(freshclam.receive_all().starts_with("RELOADING"));
    write_signature(service.database(), "Third", "evermilter-third-signature-text");
    service.wait_log({"reload-held", "by=database.watch"});
    BOOST_TEST(current(service) == third);
    BOOST_TEST(service.status().at("state") == "ready");

    BOOST_TEST(service.ctl({"resume"}).status == 0);
    StatusClient again(service.status_path());
    again.send(std::string("RELOAD\0", 7));
    BOOST_TEST(again.receive_all().starts_with("RELOADING"));
    service.wait_status("what is there is loaded",
                        [&](const json& status) { return status.at("current_generation") > third; });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);

    // Back to a generation by its number; an unknown number is refused.
    BOOST_TEST(ask(service, "rollback 9999").at("ok") == false);
    const Outcome chosen = service.ctl({"rollback", std::to_string(second)});
    BOOST_TEST(chosen.status == 0, chosen.errors);
    BOOST_TEST(generation(service.status(), current(service)).at("signatures") == 2U);
    // An explicit reload is done all the same, and ends the hold.
    const json explicitly = ask(service, "reload");
    BOOST_TEST(explicitly.at("ok") == true);
    BOOST_TEST(service.status().at("hold") == false);
    BOOST_TEST(generation(service.status(), current(service)).at("signatures") == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
