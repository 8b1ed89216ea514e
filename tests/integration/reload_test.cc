// Reload by generations: new sessions use the new engine, old ones keep theirs; nothing is cut, at most two engines
// exist.
#include <sys/stat.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// A service whose directory holds more than its engine knows.
struct Reloaded {
    explicit Reloaded(const Keys& keys = {}) : service(keys) {
        service.start();
        first = current(service);
        first_processes = processes_of(service, first);
    }
    json reload() {
        add_second_signature(service);
        json done = ask(service);
        BOOST_TEST(done.at("ok") == true, done);
        BOOST_TEST(done.at("changed") == true, done);
        BOOST_TEST(done.at("generation").get<std::uint64_t>() > first, done);
        return done;
    }

    Service service;
    std::uint64_t first = 0;
    std::vector<pid_t> first_processes;
};

const Keys kShortDrain = {{"reload.drain_timeout", "\"200ms\""}};

Keys slow_scans() {
    return {{"scanner.pcre_match_limit", "4000000000"}, {"scanner.pcre_rec_match_limit", "1000000"}};
}

// A mail that contains kSecondText, and whose scan takes about a second.
std::string slow_second_mail(unsigned cost = 24) {
    return multipart_mail({text_part(slow_text(cost)), text_part(kSecondText)});
}

std::size_t sockets(pid_t pid) {
    const auto all = descriptors(pid);
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const Descriptor& one) { return one.target.starts_with("socket:"); }));
}

} // namespace

BOOST_AUTO_TEST_SUITE(reload_test)

BOOST_AUTO_TEST_CASE(new_sessions_use_the_new_generation_and_old_ones_theirs_until_they_end) {
    Reloaded one;
    const Service& service = one.service;
    MilterClient old = service.session();
    BOOST_TEST(old.message(second_mail()).status() == "Clean");
    const auto second = one.reload().at("generation").get<std::uint64_t>();
    BOOST_TEST(current(service) == second);

    MilterClient fresh = service.session();
    BOOST_TEST(fresh.message(second_mail()).text() == kSecondRejected);
    BOOST_TEST(old.message(second_mail()).status() == "Clean");
    BOOST_TEST(old.message(eicar_in_body()).text().starts_with("550 "));
    const json status = service.status();
    BOOST_TEST(state_of(status, one.first) == "draining");
    BOOST_TEST(generation(status, one.first).at("sessions") == 1);
    BOOST_TEST(generation(status, second).at("sessions") == 1);
    BOOST_TEST(generation(status, second).at("signatures") == 2);
    BOOST_TEST(generation(status, second).at("digest") != generation(status, one.first).at("digest"));

    old.quit();
    wait_gone(service, one.first, one.first_processes);
    BOOST_TEST(fresh.message(second_mail()).text() == kSecondRejected);
    BOOST_TEST(service.status().at("crashes") == (json{{"session", 0}, {"loader", 0}, {"standby", 0}, {"scanner", 0}}));
    BOOST_TEST(service.status().at("state") == "ready");
}

BOOST_AUTO_TEST_CASE(a_new_smtp_session_on_an_old_connection_uses_the_new_generation) {
    Reloaded one;
    MilterClient old = one.service.session();
    BOOST_TEST(old.message(second_mail()).status() == "Clean");
    one.reload();
    old.quit_nc();
    old.connect();
    old.helo();
    BOOST_TEST(old.message(second_mail()).text() == kSecondRejected);
    wait_gone(one.service, one.first, one.first_processes);
}

BOOST_AUTO_TEST_CASE(past_drain_timeout_sessions_move_without_a_cut_in_whatever_stage_they_are) {
    Reloaded one(kShortDrain);
    const Service& service = one.service;
    MilterClient idle = service.session();
    BOOST_TEST(idle.message(second_mail()).status() == "Clean");
    MilterClient after_mail = service.session();
    after_mail.mail();
    MilterClient in_data = service.session();
    in_data.mail();
    in_data.rcpt();
    in_data.data();
    MilterClient in_body = service.session();
    in_body.upload(clean_mail("the first half"));
    MilterClient abandoned = service.session();
    abandoned.upload(clean_mail("given up later"));

    one.reload();
    wait_gone(service, one.first, one.first_processes);

    BOOST_TEST(idle.message(second_mail()).text() == kSecondRejected);
    after_mail.rcpt();
    after_mail.data();
    after_mail.content(second_mail());
    BOOST_TEST(after_mail.end_of_message().text() == kSecondRejected);
    in_data.content(second_mail());
    BOOST_TEST(in_data.end_of_message().text() == kSecondRejected);
    BOOST_TEST(in_body.body(std::string("\r\n") + kSecondText + "\r\n").command == 'c');
    BOOST_TEST(in_body.end_of_message().text() == kSecondRejected);
    abandoned.abort();
    BOOST_TEST(abandoned.message(clean_mail("the next")).status() == "Clean");
    BOOST_TEST(service.status().at("sessions").at("open") == 5);
}

BOOST_AUTO_TEST_CASE(a_scan_that_was_taken_is_finished_on_the_old_generation) {
    Keys keys = slow_scans();
    keys.merge(Keys(kShortDrain));
    keys["scanner.processes"] = "1";
    Service service(keys);
    write_slow_database(service.database());
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient client = service.session();
    client.upload(slow_second_mail());
    client.send('E');
    service.wait_status("the scan runs",
                        [&](const json& status) { return generation(status, first).at("scans_running") == 1; });
    // The next message waits behind it in the old generation's queue, and is finished there or moved: it is never lost.
    MilterClient behind = service.session();
    behind.upload(clean_mail("behind"));
    behind.send('E');
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    BOOST_TEST(client.receive_verdict().status() == "Clean");
    BOOST_TEST(behind.receive_verdict().status() == "Clean");
    wait_gone(service, first, processes);
    BOOST_TEST(client.message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(pinned_by_message_a_message_stays_and_the_session_moves_with_its_next) {
    Reloaded one(Keys{{"reload.pin", "\"message\""}});
    MilterClient begun = one.service.session();
    begun.mail();
    begun.rcpt();
    MilterClient idle = one.service.session();
    one.reload();
    BOOST_TEST(idle.message(second_mail()).text() == kSecondRejected);
    begun.data();
    begun.content(second_mail());
    BOOST_TEST(begun.end_of_message().status() == "Clean");
    wait_gone(one.service, one.first, one.first_processes);
    BOOST_TEST(begun.message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(pinned_by_message_a_message_that_is_given_up_lets_go) {
    Reloaded one(Keys{{"reload.pin", "\"message\""}});
    MilterClient begun = one.service.session();
    begun.mail();
    one.reload();
    BOOST_TEST(state_of(one.service.status(), one.first) == "draining");
    begun.abort();
    wait_gone(one.service, one.first, one.first_processes);
}

BOOST_AUTO_TEST_CASE(pinned_by_scan_the_message_being_received_is_scanned_by_the_new_generation) {
    Reloaded one(Keys{{"reload.pin", "\"scan\""}});
    MilterClient begun = one.service.session();
    begun.upload(second_mail());
    one.reload();
    wait_gone(one.service, one.first, one.first_processes); // no session holds it
    BOOST_TEST(begun.end_of_message().text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(requests_during_a_reload_are_merged_into_one_that_follows) {
    Service service;
    write_bulk_database(service.database(), kBulk);
    service.start();
    HeldLoad held(service);
    std::vector<StatusClient> waiting;
    for (int i = 0; i < 5; ++i) {
        waiting.emplace_back(service.status_path());
        waiting.back().send("reload --force\n");
    }
    wait_until("all are asked for", [&] { return count_log(service, "\"reload --force\"") == 5; });
    held.go_on();
    for (StatusClient& client : waiting) {
        const json answer = json::parse(client.receive_until('\n'));
        BOOST_TEST(answer.at("ok") == true, answer);
        BOOST_TEST(answer.at("generation").get<std::uint64_t>() > held.generation(), answer);
        BOOST_TEST(answer.at("generation") == current(service), answer);
    }
    // No further load follows: there were the first, the held one, the one for all five requests, and the next.
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
    BOOST_TEST(loads(service) == 4U);
}

BOOST_AUTO_TEST_CASE(a_third_load_begins_only_when_the_retired_loader_is_reaped_however_often_reloads_come) {
    Service service(Keys{{"scanner.processes", "1"},
                         {"scanner.pcre_match_limit", "4000000000"},
                         {"scanner.pcre_rec_match_limit", "1000000"}});
    write_slow_database(service.database());
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    MilterClient held = service.session();
    BOOST_TEST(held.message(clean_mail("held")).status() == "Clean");
    MilterClient scanning = service.session();
    const json sessions = ask(service, "sessions").at("sessions");
    const pid_t worker = sessions.at(0).at("worker").get<pid_t>();
    BOOST_REQUIRE(worker != sessions.at(1).at("worker").get<pid_t>());
    // Its scan cannot end: the generation stays, although it is asked to drain at once.
    scanning.upload(ordinary_headers("slow") + "\r\nslow one " + slow_text(23) + "\r\n");
    scanning.send('E');
    BOOST_REQUIRE(wait_taken(service, "slow one") == processes.back());
    stop_process(processes.back());
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
    const auto second = current(service);
    const std::size_t queues = sockets(worker);
    StatusClient third(service.status_path());
    third.send("reload --force\n");
    wait_until("the third is asked for", [&] { return count_log(service, "\"reload --force\"") == 2; });
    // The held session must let go at once, so that only the scan keeps the generation; the session is not cut.
    wait_until("its worker has let go", [&] { return sockets(worker) == queues - 1; });
    BOOST_TEST(held.message(clean_mail("held again")).status() == "Clean");
    BOOST_TEST(service.status().at("generations").size() == 2);
    BOOST_TEST(current(service) == second);
    continue_process(processes.back());
    BOOST_TEST(scanning.receive_verdict().status() == "Clean");
    const json answer = json::parse(third.receive_until('\n'));
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(answer.at("generation").get<std::uint64_t>() > second);

    const std::size_t gone = line_of(service, {"generation-gone", "generation=" + std::to_string(first)});
    const std::size_t started = line_of(service, {"load-started", "generation=" + std::to_string(second + 1)});
    BOOST_TEST(gone < started);
    BOOST_TEST(held.message(clean_mail("held to the end")).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(an_unchanged_directory_is_ok_and_loads_nothing) {
    Service service;
    service.start();
    const auto first = current(service);
    const auto processes = processes_of(service, first);
    const json answer = ask(service);
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(answer.at("changed") == false, answer);
    BOOST_TEST(answer.at("generation") == first, answer);
    BOOST_TEST(processes_of(service, first) == processes, boost::test_tools::per_element());
    BOOST_TEST(service.status().at("last_reload").at("ok") == true);
    service.wait_status("nothing of the attempt is left",
                        [](const json& status) { return status.at("generations").size() == 1; });
    BOOST_TEST(entries_below(service.state_directory() / "snapshots").size() ==
               3); // the folder, its file, its metadata
}

BOOST_AUTO_TEST_CASE(evermilterctl_reload_waits_and_its_exit_code_tells) {
    Service service;
    service.start();
    const auto first = current(service);
    BOOST_TEST(service.ctl({"reload"}).status == 0);
    BOOST_TEST(current(service) == first);
    BOOST_TEST(service.ctl({"reload", "--force"}).status == 0);
    const auto second = current(service);
    BOOST_TEST(second > first);

    write_file(service.database() / "daily.cvd", "this is no signature\n");
    const Outcome refused = service.ctl({"reload"});
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(refused.errors.find((service.database() / "daily.cvd").string()) != std::string::npos, refused.errors);
    BOOST_TEST(service.ctl({"reload", "--no-wait"}).status == 0); // it was requested, whatever comes of it
    fs::remove(service.database() / "daily.cvd");
    add_second_signature(service);
    const Outcome changed = service.ctl({"--json", "reload"});
    BOOST_TEST(changed.status == 0);
    BOOST_TEST(json::parse(changed.output).at("generation").get<std::uint64_t>() > second);
    BOOST_TEST(service.stop() == 0);
    BOOST_TEST(service.ctl({"reload"}).status == 69);
}

BOOST_AUTO_TEST_CASE(freshclams_word_and_sighup_reload) {
    Service service;
    service.start();
    const auto first = current(service);
    add_second_signature(service);
    StatusClient freshclam(service.status_path());
    freshclam.send(std::string("RELOAD\0", 7));
    BOOST_TEST(freshclam.receive_all().starts_with("RELOADING"));
    service.wait_status("the new one is active",
                        [&](const json& status) { return status.at("current_generation") > first; });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);

    const auto second = current(service);
    fs::remove(service.database() / "Second.ndb");
    write_signature(service.database(), "Third", "evermilter-third-signature-text");
    write_signature(service.database(), "Second", "something else");
    service.signal(SIGHUP);
    service.wait_status("the third is active",
                        [&](const json& status) { return status.at("current_generation") > second; });
    BOOST_TEST(service.session().message(second_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_watched_directory_is_reloaded_when_its_content_changes_and_not_when_only_times_do) {
    Service service(Keys{{"database.watch", "true"}, {"database.settle", "\"100ms\""}});
    service.start();
    const auto first = current(service);
    // Neither new times nor files that are no database start a reload.
    const fs::path eicar_file = service.database() / "eicar.ndb";
    fs::last_write_time(eicar_file, fs::file_time_type::clock::now());
    write_file(service.database() / "freshclam.dat", "x");
    fs::create_directory(service.database() / "tmp.0123456789");
    write_file(service.database() / "tmp.0123456789" / "daily.ndb", "half");
    // Written again with the same content: the file is checked and found unchanged, and nothing is loaded.
    write_file(eicar_file, read_file(eicar_file));
    service.wait_log({"load-unchanged"});
    BOOST_TEST(current(service) == first);

    add_second_signature(service);
    service.wait_status("the new one is active",
                        [&](const json& status) { return status.at("current_generation") > first; });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);

    // A directory that is moved away and replaced is found again.
    const auto second = current(service);
    fs::rename(service.database(), service.path("old-db"));
    fs::create_directory(service.path("new-db"));
    for (const char* name : {"eicar.ndb", "Second.ndb"})
        fs::copy_file(service.path("old-db") / name, service.path("new-db") / name);
    write_signature(service.path("new-db"), "Third", "evermilter-third-signature-text");
    fs::rename(service.path("new-db"), service.database());
    service.wait_status("the third is active",
                        [&](const json& status) { return status.at("current_generation") > second; });
}

BOOST_AUTO_TEST_CASE(reloads_go_on_while_messages_flow_and_none_is_deferred) {
    Service service;
    service.start();
    MilterClient client = service.session();
    for (int round = 0; round < 5; ++round) {
        StatusClient operators(service.status_path());
        operators.send("reload --force\n");
        while (true) {
            BOOST_TEST(client.message(clean_mail("round " + std::to_string(round))).status() == "Clean");
            BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
            pollfd answered{operators.fd(), POLLIN, 0};
            if (poll(&answered, 1, 0) == 1) break;
        }
        BOOST_TEST(json::parse(operators.receive_until('\n')).at("ok") == true);
    }
    BOOST_TEST(service.status().at("messages").at("error") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
