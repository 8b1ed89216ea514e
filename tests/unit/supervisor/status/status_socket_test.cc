// The status socket with real connections: forms, many commands, answers that come late, peers that misbehave.
#include "supervisor/status/status_socket.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "supervisor/status/command_reader.h"
#include "tests/unit/supervisor/operations_of_test.h"
#include "tests/unit/supervisor/turning_loop.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;
using namespace std::string_literals;

namespace {

struct SocketTest {
    SocketTest() { BOOST_REQUIRE(socket.apply("unix:" + path, {}).ok()); }

    unique_fd connect() const {
        unique_fd fd = connect_unix(path);
        BOOST_REQUIRE(fd);
        return fd;
    }
    // What comes up to and with `end`; what is behind it is left for the next call.
    std::string read_until(int fd, const std::string& end) {
        loop.until("an answer comes", [&] { return !drain(fd, read) || read.find(end) != std::string::npos; });
        const std::size_t length = std::min(read.find(end), read.size() - end.size()) + end.size();
        std::string text = read.substr(0, length);
        read.erase(0, length);
        return text;
    }
    std::string line(int fd) { return read_until(fd, "\n"); }
    // What comes until the end.
    std::string rest(int fd) {
        std::string all;
        loop.until("the connection ends", [&] { return !drain(fd, all); });
        return all;
    }
    std::string ask(const std::string& bytes) {
        const unique_fd fd = connect();
        send_text(fd.get(), bytes);
        return rest(fd.get());
    }

    TurningLoop loop;
    Folder folder;
    std::string read; // and not yet asked for
    std::string path = folder.path("s.sock");
    OperationsOfTest operations;
    Entrance entrance{loop.get(), operations};
    Commands commands{operations, entrance};
    StatusSocket socket{loop.get(), commands};
};

} // namespace

BOOST_AUTO_TEST_SUITE(status_socket_test)

BOOST_AUTO_TEST_CASE(clamds_words_are_answered_once_and_the_connection_closed_as_clamd_does) {
    SocketTest test;
    BOOST_TEST(test.ask("PING") == "PONG\n");
    BOOST_TEST(test.ask("nPING\n") == "PONG\n");
    BOOST_TEST(test.ask("zPING\0"s) == "PONG\0"s);
    BOOST_TEST(test.ask("nPING\nnPING\n") == "PONG\n");
    BOOST_TEST(test.ask("RELOAD\0"s) == "RELOADING\n");
    BOOST_TEST(test.ask("zNONSENSE\0"s) == "UNKNOWN COMMAND\0"s);
    BOOST_TEST(test.socket.connections() == 0U);
}

BOOST_AUTO_TEST_CASE(clamds_session_has_numbered_answers_until_its_end) {
    SocketTest test;
    BOOST_TEST(test.ask("nIDSESSION\nnPING\nzPING\0nNONSENSE\nnEND\nnPING\n"s) ==
               "1: PONG\n2: PONG\0"s + "3: UNKNOWN COMMAND\n");
    // What clamdtop says, in pieces.
    const unique_fd fd = test.connect();
    send_text(fd.get(), "nIDSESSION\nnVERSION\n");
    BOOST_TEST(test.line(fd.get()).starts_with("1: ClamAV"));
    send_text(fd.get(), "nSTATS\n");
    BOOST_TEST(test.read_until(fd.get(), "END\n").starts_with("2: POOLS: "));
    send_text(fd.get(), "nEND\n");
    BOOST_TEST(test.rest(fd.get()).empty());
    // Only with a prefix, as clamd; a second one and our own commands have no place in it.
    BOOST_TEST(test.ask("IDSESSION\n") == "UNKNOWN COMMAND\n");
    BOOST_TEST(test.ask("nIDSESSION\nnIDSESSION\nnEND\n") == "1: UNKNOWN COMMAND\n");
    BOOST_TEST(test.ask("nIDSESSION\nstatus\nnPING\n") == "1: UNKNOWN COMMAND\n");
    BOOST_TEST(test.ask("nIDSESSION\n\nnEND\n").empty());
}

BOOST_AUTO_TEST_CASE(clamds_VERSIONCOMMANDS_lists_what_is_answered) {
    SocketTest test;
    for (const std::string& asked : {"VERSIONCOMMANDS"s, "nVERSIONCOMMANDS\n"s}) {
        const std::string answer = test.ask(asked);
        BOOST_TEST(answer.starts_with("ClamAV"));
        BOOST_TEST(answer.ends_with("| COMMANDS: PING VERSION VERSIONCOMMANDS STATS RELOAD IDSESSION END\n"));
    }
}

BOOST_AUTO_TEST_CASE(clamds_RELOAD_is_a_reload_by_itself_that_nobody_waits_for) {
    SocketTest test;
    test.ask("RELOAD");
    BOOST_REQUIRE(test.operations.reloads.size() == 1U);
    BOOST_TEST((test.operations.reloads[0].kind == ReloadKind::automatic));
    BOOST_TEST(!test.operations.pending);
}

BOOST_AUTO_TEST_CASE(a_connection_takes_as_many_commands_as_one_likes) {
    SocketTest test;
    const unique_fd fd = test.connect();
    for (int count = 0; count < 5; ++count) {
        send_text(fd.get(), "status\n");
        BOOST_TEST(nlohmann::json::parse(test.line(fd.get())).contains("state"));
    }
    send_text(fd.get(), "status\nsess");
    BOOST_TEST(nlohmann::json::parse(test.line(fd.get())).contains("state"));
    send_text(fd.get(), "ions\n");
    BOOST_TEST(nlohmann::json::parse(test.line(fd.get())).contains("sessions"));
    send_text(fd.get(), "metrics\n");
    BOOST_TEST(test.read_until(fd.get(), "# EOF\n").starts_with("# HELP "));
}

BOOST_AUTO_TEST_CASE(what_is_no_command_gets_an_error_and_the_connection_lives_on) {
    SocketTest test;
    const unique_fd fd = test.connect();
    for (const std::string& wrong :
         {"nonsense"s, "status now"s, "reload --sideways"s, "rollback x"s, "rollback 0"s, "rollback 1 2"s, "\xff\xfe"s,
          "hold it"s, "poison forget"s, "poison remember all"s, "poison forget x y"s, "poison forget 0123456789"s}) {
        send_text(fd.get(), wrong + '\n');
        const auto answer = nlohmann::json::parse(test.line(fd.get()));
        BOOST_TEST(answer.at("ok") == false, wrong);
        BOOST_TEST(!answer.at("error").get<std::string>().empty());
    }
    BOOST_TEST(test.operations.reloads.empty());
}

BOOST_AUTO_TEST_CASE(poison_messages_are_listed_and_forgotten) {
    SocketTest test;
    PoisonTable& table = test.operations.the_state.poison;
    const Now now{monotonic_ns(), 1'700'000'000};
    const MessageDigests digests{{{1, 2, 3, 4}}, {{5, 6, 7, 8}}};
    table.set_keep(std::chrono::hours(1), now.monotonic_ns);
    for (const pid_t scanner : {10, 11}) (void)table.cost(digests, {1, scanner}, now);
    table.met(digests, now);
    const unique_fd fd = test.connect();
    send_text(fd.get(), "poison\n");
    const auto list = nlohmann::json::parse(test.line(fd.get())).at("poison");
    BOOST_REQUIRE(list.size() == 1U);
    BOOST_TEST(list[0].at("digest") == digests.whole.text());
    BOOST_TEST(list[0].at("body") == digests.body.text());
    BOOST_TEST(list[0].at("since") == now.unix_time);
    BOOST_TEST(list[0].at("last") == now.unix_time);
    BOOST_TEST(list[0].at("scans_lost") == 2);
    BOOST_TEST(list[0].at("count") == 1);
    BOOST_TEST(list[0].at("seconds_left") > 3000);
    send_text(fd.get(), "poison forget all\n");
    BOOST_TEST(nlohmann::json::parse(test.line(fd.get())) == nlohmann::json({{"ok", true}, {"forgotten", 1}}));
    send_text(fd.get(), "poison\n");
    BOOST_TEST(nlohmann::json::parse(test.line(fd.get())).at("poison").empty());
}

BOOST_AUTO_TEST_CASE(a_reload_is_answered_when_it_has_ended_and_others_are_served_meanwhile) {
    SocketTest test;
    const unique_fd waiting = test.connect();
    send_text(waiting.get(), "reload --force\nstatus\n");
    test.loop.until("asked for", [&] { return test.operations.reloads.size() == 1; });
    BOOST_TEST(test.operations.reloads[0].force);
    BOOST_TEST((test.operations.reloads[0].kind == ReloadKind::asked));
    BOOST_TEST(test.ask("PING") == "PONG\n");
    char byte = 0;
    BOOST_TEST(::recv(waiting.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == -1);

    ReloadOutcome done;
    done.ok = true;
    done.changed = true;
    done.generation = 7;
    done.seconds = 1.5;
    test.operations.pending(done);
    const auto answer = nlohmann::json::parse(test.line(waiting.get()));
    BOOST_TEST(answer.at("ok") == true);
    BOOST_TEST(answer.at("generation") == 7);
    BOOST_TEST(answer.at("changed") == true);
    BOOST_TEST(answer.at("seconds") == 1.5);
    BOOST_TEST(nlohmann::json::parse(test.line(waiting.get())).contains("state"), "the next command had to wait");
}

BOOST_AUTO_TEST_CASE(a_refused_reload_says_why) {
    SocketTest test;
    const unique_fd fd = test.connect();
    send_text(fd.get(), "reload\n");
    test.loop.until("asked for", [&] { return test.operations.reloads.size() == 1; });
    ReloadOutcome refused;
    refused.error = "main.cvd: broken\n\xff";
    refused.generation = 3;
    test.operations.pending(refused);
    const auto answer = nlohmann::json::parse(test.line(fd.get()));
    BOOST_TEST(answer.at("ok") == false);
    BOOST_TEST(answer.at("error").get<std::string>().starts_with("main.cvd: broken\n"));
}

BOOST_AUTO_TEST_CASE(config_answers_with_the_configuration_in_use) {
    SocketTest test;
    test.operations.the_config.milter.max_sessions = 7;
    test.operations.the_config.log.level = config::LogLevel::debug;
    const auto ask = [&](const std::string& command) {
        const unique_fd fd = test.connect();
        send_text(fd.get(), command + "\n");
        return nlohmann::json::parse(test.line(fd.get()));
    };
    BOOST_TEST(ask("config --changed").at("toml") == "milter.max_sessions = 7\nlog.level = \"debug\"\n");
    const auto read = config::parse(ask("config").at("toml").get<std::string>(), "answer");
    BOOST_TEST_REQUIRE(read.has_value());
    BOOST_TEST(config::diff(test.operations.the_config, *read).size() == 2U); // the two that now stand in a file
    BOOST_TEST(ask("config --wrong").at("error") == "config takes nothing, or: --changed");
}

BOOST_AUTO_TEST_CASE(reload_config_says_what_has_changed) {
    SocketTest test;
    const unique_fd fd = test.connect();
    bool asked = false;
    test.operations.config_asked = [&] { asked = true; };
    send_text(fd.get(), "reload-config\n");
    test.loop.until("asked for", [&] { return asked; });
    ReloadOutcome done;
    done.ok = done.changed = true;
    done.changes = {{"milter.max_sessions", config::AppliesBy::live, "12000", "7"}};
    test.operations.pending(done);
    const auto changes = nlohmann::json::parse(test.line(fd.get())).at("changes");
    BOOST_TEST(changes.dump() ==
               R"([{"after":"7","before":"12000","key":"milter.max_sessions","needs":"taken at once"}])");
}

BOOST_AUTO_TEST_CASE(no_wait_is_answered_at_once) {
    SocketTest test;
    const unique_fd fd = test.connect();
    send_text(fd.get(), "reload --no-wait\n");
    BOOST_TEST(nlohmann::json::parse(test.line(fd.get())).at("ok") == true);
    BOOST_TEST(test.operations.reloads.size() == 1U);
    BOOST_TEST(!test.operations.pending);
}

BOOST_AUTO_TEST_CASE(an_answer_to_somebody_who_has_gone_harms_nobody) {
    SocketTest test;
    ReloadCallback late;
    {
        SocketTest ended;
        const unique_fd fd = ended.connect();
        send_text(fd.get(), "reload\n");
        ended.loop.until("asked for", [&] { return ended.operations.reloads.size() == 1; });
        late = ended.operations.pending;
    }
    late({});

    unique_fd fd = test.connect();
    send_text(fd.get(), "reload\n");
    test.loop.until("asked for", [&] { return test.operations.reloads.size() == 1; });
    fd.reset();
    test.loop.settle();
    const ReloadCallback done = test.operations.pending;
    done({true, true, "", 1, 0});
    done({true, true, "", 1, 0}); // twice: the second is dropped
    test.loop.settle();
    BOOST_TEST(test.socket.connections() == 0U);
    BOOST_TEST(test.ask("PING") == "PONG\n");
}

BOOST_AUTO_TEST_CASE(a_waiting_peer_that_has_ended_its_input_still_gets_its_answer) {
    SocketTest test;
    const unique_fd fd = test.connect();
    send_text(fd.get(), "reload"); // no newline: the end is one
    BOOST_REQUIRE(::shutdown(fd.get(), SHUT_WR) == 0);
    test.loop.until("asked for", [&] { return test.operations.reloads.size() == 1; });
    const unsigned before = test.loop.turns();
    test.loop.settle();
    BOOST_TEST(test.loop.turns() - before <= 10U);
    test.operations.pending({true, false, "", 1, 0});
    BOOST_TEST(nlohmann::json::parse(test.rest(fd.get())).at("changed") == false);
}

BOOST_AUTO_TEST_CASE(a_line_without_end_is_refused) {
    SocketTest test;
    const unique_fd fd = test.connect();
    send_text(fd.get(), std::string(2 * kLongestCommand, 'x'));
    const std::string answer = test.rest(fd.get());
    BOOST_TEST(answer.find("\"ok\":false") != std::string::npos);
    BOOST_TEST(test.socket.connections() == 0U);
}

BOOST_AUTO_TEST_CASE(who_does_not_read_holds_up_nobody_and_is_sent_no_more_than_one_answer) {
    SocketTest test;
    for (std::uint64_t id = 1; id <= 20000; ++id)
        test.operations.the_state.sessions.add({id, Peer(UnixPeer{1, 2, 3}), 1, 0});
    const unique_fd lazy = test.connect();
    std::string many;
    for (int count = 0; count < 4; ++count) many += "sessions\n";
    send_text(lazy.get(), many);
    test.loop.settle();
    BOOST_TEST(test.ask("PING") == "PONG\n");
    BOOST_TEST(test.socket.connections() == 1U);
    // And it does get all of them when it reads.
    std::ptrdiff_t answers = 0;
    test.loop.until("all answers are read", [&] {
        std::string more;
        drain(lazy.get(), more);
        answers += std::count(more.begin(), more.end(), '\n');
        return answers == 4;
    });
}

BOOST_AUTO_TEST_CASE(connections_are_bounded_and_who_waits_for_an_answer_is_spared) {
    SocketTest test;
    const unique_fd waiting = test.connect();
    send_text(waiting.get(), "reload\n");
    test.loop.until("asked for", [&] { return test.operations.reloads.size() == 1; });
    std::vector<unique_fd> idle;
    for (std::size_t count = 0; count < StatusSocket::kMaxConnections + 10; ++count) {
        idle.push_back(test.connect());
        test.loop.settle();
    }
    BOOST_TEST(test.socket.connections() == StatusSocket::kMaxConnections);
    BOOST_TEST(at_end(idle.front().get()));
    BOOST_TEST(!at_end(idle.back().get()));
    test.operations.pending({true, true, "", 1, 0});
    BOOST_TEST(nlohmann::json::parse(test.line(waiting.get())).at("ok") == true);
}

BOOST_AUTO_TEST_CASE(a_command_may_close_the_socket_that_it_came_by) {
    SocketTest test;
    test.operations.config_asked = [&test] { test.socket.close(); };
    const unique_fd fd = test.connect();
    send_text(fd.get(), "reload-config\nreload-config\n");
    BOOST_TEST(test.rest(fd.get()).empty());
    BOOST_TEST(test.socket.connections() == 0U);
    test.loop.settle();
}

BOOST_AUTO_TEST_CASE(hold_and_resume_tell_the_state) {
    SocketTest test;
    const unique_fd fd = test.connect();
    send_text(fd.get(), "hold\n");
    BOOST_TEST(nlohmann::json::parse(test.line(fd.get())) == nlohmann::json({{"ok", true}, {"hold", true}}));
    send_text(fd.get(), "resume\n");
    BOOST_TEST(nlohmann::json::parse(test.line(fd.get())) == nlohmann::json({{"ok", true}, {"hold", false}}));
}

BOOST_AUTO_TEST_CASE(rollback_names_the_generation_or_the_one_before) {
    SocketTest test;
    const unique_fd fd = test.connect();
    send_text(fd.get(), "rollback\n");
    test.loop.until("asked for", [&] { return test.operations.reloads.size() == 1; });
    BOOST_TEST((test.operations.reloads[0].kind == ReloadKind::roll_back));
    BOOST_TEST(test.operations.reloads[0].rollback_to == 0U);
    test.operations.pending({true, true, "", 1, 0});
    test.line(fd.get());
    send_text(fd.get(), "rollback 12\n");
    test.loop.until("asked for", [&] { return test.operations.reloads.size() == 2; });
    BOOST_TEST(test.operations.reloads[1].rollback_to == 12U);
}

BOOST_AUTO_TEST_SUITE_END()
