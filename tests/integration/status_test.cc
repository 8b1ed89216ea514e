// What operators ask of the status socket: clamd's commands, our commands and evermilterctl.
#include <boost/test/unit_test.hpp>
#include <regex>

#include "tests/support/capture.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;

namespace {

std::string ask(const Service& service, const std::string& bytes) {
    StatusClient client(service.status_path());
    client.send(bytes);
    return client.receive_all();
}

} // namespace

BOOST_AUTO_TEST_SUITE(status_test)

BOOST_AUTO_TEST_CASE(clamds_words_are_answered_in_each_of_clamds_forms) {
    Service service;
    service.start();
    const std::string zero(1, '\0');
    BOOST_TEST(ask(service, "PING") == "PONG\n");
    BOOST_TEST(ask(service, "PING\n") == "PONG\n");
    BOOST_TEST(ask(service, "nPING\n") == "PONG\n");
    BOOST_TEST(ask(service, "zPING" + zero) == "PONG" + zero);
    // "ClamAV 1.4.6/27800/Fri Nov 20 09:36:00 2026"; the database's part is missing if it has no version.
    for (const std::string& form : {std::string("VERSION"), std::string("nVERSION\n"), "zVERSION" + zero})
        BOOST_TEST(ask(service, form).starts_with("ClamAV "));
    const std::string stats = ask(service, "nSTATS\n");
    BOOST_TEST(std::regex_search(stats, std::regex("^POOLS: [0-9]+\n\nSTATE: ")), stats);
    BOOST_TEST(stats.find("\nEND\n") != std::string::npos);
    BOOST_TEST(stats.find("THREADS: ") < stats.find("QUEUE: "));
    BOOST_TEST(stats.find("QUEUE: ") < stats.find("MEMSTATS: "));
}

BOOST_AUTO_TEST_CASE(an_unknown_command_gets_an_error_and_harms_nothing) {
    Service service;
    service.start();
    BOOST_TEST(ask(service, "NONSENSE\n").find("UNKNOWN COMMAND") != std::string::npos);
    const nlohmann::json answer = StatusClient(service.status_path()).ask("nonsense");
    BOOST_TEST(answer.at("ok") == false);
    BOOST_TEST(!answer.at("error").get<std::string>().empty());
    ask(service, "PING");
    {
        StatusClient endless(service.status_path());
        try {
            endless.send(std::string(10 * 1024 * 1024, 'x')); // without a line end: it must not all be kept
            BOOST_TEST(!endless.receive_all().empty());
        } catch (const std::system_error&) {
            // the service closed it while we were sending
        }
    }
    BOOST_TEST(ask(service, "PING") == "PONG\n");
}

BOOST_AUTO_TEST_CASE(the_status_document_holds_what_the_interface_promises) {
    Service service;
    service.start();
    MilterClient client = service.session();
    client.message(clean_mail());
    client.message(eicar_attached());
    StatusClient operators(service.status_path());
    service.wait_status("the detection is counted by name", // sent to the supervisor, not read from the scoreboard
                        [](const nlohmann::json& now) { return !now.at("viruses").empty(); });
    const nlohmann::json status = operators.ask("status");
    BOOST_TEST(operators.ask("status").at("pid") == status.at("pid"), "as many on a connection as one likes");
    BOOST_TEST(!status.at("version").get<std::string>().empty());
    BOOST_TEST(status.at("pid") == service.pid());
    BOOST_TEST(status.at("uptime_seconds").is_number());
    BOOST_TEST(status.at("state") == "ready");
    BOOST_TEST(status.at("listeners") == nlohmann::json::array({service.milter_address()}));
    BOOST_TEST(status.at("last_reload").at("ok") == true);
    BOOST_TEST(status.at("last_reload").at("error") == "");
    BOOST_TEST(status.at("last_reload").at("seconds").is_number());
    BOOST_TEST(status.at("last_reload").contains("at"));
    BOOST_TEST(status.at("sessions").at("open") == 1);
    BOOST_TEST(status.at("sessions").at("by_stage").at("mail") == 1);
    BOOST_TEST(status.at("sessions").at("accepted_total") == 1);
    BOOST_TEST(status.at("sessions").at("refused_total").is_object());
    BOOST_TEST(status.at("sessions").at("timed_out_total").is_object());
    for (const char* key : {"clean", "infected", "error", "oversize", "incomplete", "skipped"})
        BOOST_TEST(status.at("messages").at(key).is_number());
    BOOST_TEST(status.at("messages").at("clean") == 1);
    BOOST_TEST(status.at("messages").at("infected") == 1);
    BOOST_TEST(status.at("messages").at("skipped_by").is_object());
    for (const char* reason : {"partial", "encrypted", "limit", "unsupported", "malformed", "ambiguous"})
        BOOST_TEST(status.at("messages").at("incomplete_by").at(reason) == 0);
    BOOST_TEST(status.at("viruses").size() == 1U);
    BOOST_TEST(status.at("viruses").at(kEicarName) == 1);
    BOOST_TEST(status.at("crashes").is_object());

    const nlohmann::json& generation = status.at("generations").at(0);
    BOOST_TEST(generation.at("id") == status.at("current_generation"));
    BOOST_TEST(generation.at("state") == "active");
    BOOST_TEST(generation.at("signatures") == 1);
    BOOST_TEST(generation.contains("database_version"));
    BOOST_TEST(generation.contains("loaded_at"));
    BOOST_TEST(generation.at("sessions") == 1);
    BOOST_TEST(generation.at("scanners").size() == 2);
    BOOST_TEST(alive(generation.at("loader").get<pid_t>()));
    for (const auto& scanner : generation.at("scanners")) BOOST_TEST(alive(scanner.at("pid").get<pid_t>()));

    std::map<std::string, int> roles;
    int sessions = 0;
    for (const auto& worker : status.at("workers")) {
        ++roles[worker.at("role").get<std::string>()];
        BOOST_TEST(alive(worker.at("pid").get<pid_t>()));
        BOOST_TEST(worker.contains("state"));
        if (worker.at("role") == "session") sessions += worker.at("sessions").get<int>();
    }
    BOOST_TEST(roles["session"] == 2);
    BOOST_TEST(roles["loader"] == 1);
    BOOST_TEST(roles["scanner"] == 2);
    BOOST_TEST(sessions == 1);
}

BOOST_AUTO_TEST_CASE(each_stage_of_a_session_is_shown_by_its_name) {
    Service service;
    service.start();
    MilterClient client = service.client();
    const auto at = [&](const std::string& stage) {
        service.wait_status("the session is at " + stage, [&](const nlohmann::json& status) {
            return status.at("sessions").at("by_stage").value(stage, 0) == 1;
        });
    };
    at("negotiate");
    client.negotiate();
    at("connect");
    client.connect();
    at("helo");
    client.helo();
    at("mail");
    Envelope envelope;
    envelope.queue_id = "4StageQueueId";
    client.mail(envelope);
    at("rcpt");
    client.rcpt();
    at("rcpt");
    client.data();
    at("data");
    client.header("Subject", " stage");
    at("header");
    client.end_of_headers();
    at("body");
    const nlohmann::json answer = StatusClient(service.status_path()).ask("sessions");
    const nlohmann::json& session = answer.at("sessions").at(0);
    BOOST_TEST(session.at("stage") == "body");
    BOOST_TEST(session.at("queue_id") == "4StageQueueId");
    BOOST_TEST(session.at("seconds_in_stage").is_number());
    BOOST_TEST(session.at("generation") == service.status().at("current_generation"));
    BOOST_TEST(alive(session.at("worker").get<pid_t>()));
    BOOST_TEST(session.contains("id"));
    BOOST_TEST(session.contains("peer"));
    {
        const Stopped stopped(service.pids("scanner"));
        client.send('E');
        at("eom");
    }
    BOOST_TEST(client.receive_verdict().status() == "Clean");
    at("mail");
    client.close();
    wait_until("no session is open", [&] { return service.status().at("sessions").at("open") == 0; });
    BOOST_TEST(StatusClient(service.status_path()).ask("sessions").at("sessions").empty());
}

BOOST_AUTO_TEST_CASE(evermilterctl_shows_the_status_to_people_and_to_programs) {
    Service service;
    service.start();
    const Outcome people = service.ctl({"status"});
    BOOST_TEST(people.status == 0);
    BOOST_TEST(people.output.find("ready") != std::string::npos);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--json", "status"}, std::vector<std::string>{"status", "--json"}}) {
        const Outcome programs = service.ctl(arguments);
        BOOST_TEST(programs.status == 0);
        BOOST_TEST(nlohmann::json::parse(programs.output).at("state") == "ready");
    }
}

BOOST_AUTO_TEST_CASE(evermilterctl_exits_69_where_nobody_answers) {
    const Outcome outcome = run({program("evermilterctl"), "--socket", "/nowhere/status.sock", "status"});
    BOOST_TEST(outcome.status == 69);
    BOOST_TEST(outcome.errors.find("/nowhere/status.sock") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(evermilterctl_says_what_is_wrong_with_a_command_line) {
    const auto ctl = [](const std::vector<std::string>& arguments) {
        std::vector<std::string> whole{program("evermilterctl")};
        whole.insert(whole.end(), arguments.begin(), arguments.end());
        return run(whole);
    };
    const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
        {{"frobnicate"}, "\"frobnicate\" is no command\nThere are: status, sessions, reload, "},
        {{"statsu"}, "\"statsu\" is no command; did you mean stat"},
        {{"status", "now"}, "status has no use for \"now\""},
        {{"status", "--sideways"}, "there is no option \"--sideways\""},
        {{"rollback", "abc"}, "\"abc\" is no generation's number; evermilterctl snapshots lists them"},
        {{"rollback", "-1"}, "-1"},
    };
    for (const auto& [arguments, text] : wrong) {
        const Outcome outcome = ctl(arguments);
        BOOST_TEST(outcome.status == 64, outcome.errors);
        BOOST_TEST(outcome.errors.find(text) != std::string::npos, outcome.errors);
        BOOST_TEST(outcome.output.empty());
    }
}

BOOST_AUTO_TEST_CASE(evermilterctl_fails_where_its_answer_cannot_be_written) {
    Service service;
    service.start();
    for (const std::string command :
         {"status", "--json status", "sessions", "metrics", "ping", "--help", "--version"}) {
        const Outcome outcome =
            run({"/bin/sh", "-c",
                 program("evermilterctl") + " --socket " + service.status_path() + ' ' + command + " >/dev/full"});
        BOOST_TEST(outcome.status == 74, command);
        BOOST_TEST(outcome.errors.find("cannot write the answer") != std::string::npos, outcome.errors);
    }
}

BOOST_AUTO_TEST_CASE(a_probe_is_neither_mail_nor_a_detection_and_only_the_service_s_own_key_makes_one) {
    Service service;
    service.start();
    BOOST_TEST(service.ctl({"probe"}).status == 0);
    auto status = service.status();
    BOOST_TEST(status.at("messages").at("probe") == 2);
    for (const char* counted : {"clean", "infected", "error"}) BOOST_TEST(status.at("messages").at(counted) == 0);
    BOOST_TEST(status.at("viruses").empty());
    service.wait_log({"event=probe ", "verdict=infected"});
    BOOST_TEST(service.log().find("infected by") == std::string::npos);

    const auto key = StatusClient(service.status_path()).ask("probe-key").at("key").get<std::string>();
    const auto message = [&](const std::string& sent_key, const std::string& text) {
        MilterClient client(service.milter_address());
        client.negotiate();
        client.macros('C', {{"j", "mx.example.org"}, {"{evermilter_probe}", sent_key}});
        using namespace std::string_literals;
        client.send('C', "client.example.net\0"s + "4\0\0"s + "192.0.2.7\0"s);
        BOOST_TEST(client.receive().command == 'c');
        client.helo();
        const Verdict verdict = client.message(text);
        client.quit();
        return verdict.text();
    };
    // Only the right key counts as a probe, and only with a message that is not longer than a probe's.
    const std::string infected = std::string("550 5.7.1 virus found: ") + kEicarName;
    for (const std::string& wrong : {std::string(), std::string(32, '0'), key.substr(1), key + '0'})
        BOOST_TEST(message(wrong, eicar_attached()) == infected);
    BOOST_TEST(message(key, eicar_attached() + std::string(5000, 'x')) == infected);
    BOOST_TEST(message(key, eicar_attached()) == infected);
    status = service.status();
    BOOST_TEST(status.at("messages").at("infected") == 5);
    BOOST_TEST(status.at("messages").at("probe") == 3);
    service.wait_log({"infected by"});
}

BOOST_AUTO_TEST_CASE(probe_succeeds_only_if_the_clean_and_the_infected_message_get_their_verdicts) {
    {
        Service service;
        service.start();
        const Outcome right = service.ctl({"probe"});
        BOOST_TEST(right.status == 0, right.output << right.errors);
        BOOST_TEST(service.ctl({"probe", "--milter", service.milter_address()}).status == 0);
        BOOST_TEST(service.ctl({"probe", "--milter", "unix:/nowhere/milter.sock"}).status != 0);
    }
    {
        Service lenient(Keys{{"actions.infected", "\"accept\""}, {"headers.add", "\"no\""}});
        lenient.start();
        BOOST_TEST(lenient.ctl({"probe"}).status == 1, "infected mail passes: the probe must not be content");
    }
    {
        Service busy(Keys{{"scanner.queue_timeout", "\"200ms\""}});
        busy.start();
        const Stopped stopped(busy.pids("scanner"));
        BOOST_TEST(busy.ctl({"probe"}).status == 1, "no verdict: the probe must not be content");
    }
}

BOOST_AUTO_TEST_CASE(probe_works_over_tcp) {
    Service service(Keys{{"milter.listen", R"(["inet:0@127.0.0.1"])"}});
    service.start();
    const Outcome right = service.ctl({"probe"});
    BOOST_TEST(right.status == 0, right.output << right.errors);
}

BOOST_AUTO_TEST_CASE(log_lines_name_event_role_and_pid) {
    Service service;
    service.start();
    service.session().message(eicar_attached());
    service.wait_log({"infected by"});
    BOOST_TEST(service.stop() == 0);
    std::istringstream lines(service.log());
    unsigned seen = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.find("infected by") != std::string::npos) continue;
        ++seen;
        BOOST_TEST((line.starts_with("event=") && line.find("role=") != std::string::npos &&
                    line.find("pid=") != std::string::npos),
                   line);
    }
    BOOST_TEST(seen > 3U);
}

BOOST_AUTO_TEST_SUITE_END()
