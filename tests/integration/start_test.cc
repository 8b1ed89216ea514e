// A start that cannot succeed says why, exits with the code of sysexits(3) and leaves nothing half started. A start
// that can succeed gives each process the rights it needs and no more.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <functional>

#include "tests/support/database.h"
#include "tests/support/listening.h"
#include "tests/support/messages.h"
#include "tests/support/own_mount.h"
#include "tests/support/report.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

constexpr int kNoInput = 66, kUnavailable = 69, kCannotCreate = 73, kNoPermission = 77, kConfig = 78;

// Starts the service, waits for its end, and checks that it ended with one of `codes`, logged all of `words`, and left
// nothing.
void refused(Service& service, const std::vector<int>& codes, const std::vector<std::string>& words) {
    service.launch();
    const int status = service.wait_end();
    const std::string log = service.log();
    BOOST_TEST((std::find(codes.begin(), codes.end(), status) != codes.end()), "exit status " << status << "\n" << log);
    for (const std::string& word : words)
        BOOST_TEST((log.find(word) != std::string::npos), "\"" << word << "\" is missing in:\n" << log);
    wait_until("all it started has ended", [&] { return service.processes().empty(); });
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

} // namespace

BOOST_AUTO_TEST_SUITE(start_test)

BOOST_AUTO_TEST_CASE(a_wrong_configuration_is_refused_with_every_fault_and_its_place) {
    Service service;
    write_file(service.config_file(),
               "[milter]\nlisten = [\"unix:" + service.path("milter.sock").string() +
                   "\"]\nlissten = 1\n[scanner]\nprocesses = \"two\"\nqueue_timeout = \"1 week\"\n");
    const std::string file = service.config_file();
    const Outcome check = run({program("evermilterd"), "--check-config", "--config", file});
    BOOST_TEST(check.status == kConfig);
    const std::string said = check.output + check.errors;
    for (const std::string& fault : {file + ":3:1: milter.lissten: ", file + ":5:", file + ":6:"})
        BOOST_TEST((said.find(fault) != std::string::npos), fault << " is missing in\n" << said);
    BOOST_TEST(said.find("listen") != std::string::npos);
    BOOST_TEST(said.find("scanner.processes") != std::string::npos);
    refused(service, {kConfig}, {file + ":3:1: milter.lissten: ", "scanner.processes", "scanner.queue_timeout"});
}

BOOST_AUTO_TEST_CASE(a_right_configuration_passes_the_check_and_starts_nothing) {
    Service service;
    const Outcome check = run({program("evermilterd"), "--check-config", "--config", service.config_file()});
    BOOST_TEST(check.status == 0, check.output << check.errors);
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

BOOST_AUTO_TEST_CASE(a_missing_configuration_file_is_named) {
    const Outcome outcome = run({program("evermilterd"), "--foreground", "--config", "/nowhere/evermilter.toml"});
    BOOST_TEST((outcome.status == kConfig || outcome.status == kNoInput));
    BOOST_TEST((outcome.output + outcome.errors).find("/nowhere/evermilter.toml") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_wrong_option_is_a_usage_error) {
    BOOST_TEST(run({program("evermilterd"), "--no-such-option"}).status == 64);
    BOOST_TEST(run({program("evermilterctl"), "no-such-command"}).status == 64);
    BOOST_TEST(run({program("evermilterd"), "--version"}).status == 0);
}

BOOST_AUTO_TEST_CASE(timeouts_that_do_not_nest_are_refused) {
    Service service(Keys{{"timeouts.eom", "\"20s\""}});
    refused(service, {kConfig}, {"timeouts.eom"});
}

BOOST_AUTO_TEST_CASE(databases_that_are_not_there_yet_are_waited_for) {
    Service service;
    const fs::path signature = service.database() / "eicar.ndb";
    const std::string content = read_file(signature);
    const auto take_away = std::vector<std::function<void()>>{
        [&] { fs::remove_all(service.database()); }, [&] { fs::remove(signature); },
        [&] { write_file(signature, content + "Broken:0:*:not hexadecimal at all\n"); }};
    for (const auto& take : take_away) {
        take();
        service.launch();
        service.wait_log({"no-signatures", service.database()});
        const auto status = service.wait_status("it is degraded", [](const nlohmann::json& now) {
            return now.at("state") == "degraded" && now.at("current_generation") == 0;
        });
        BOOST_TEST(status.at("reason").get<std::string>().find(service.database()) != std::string::npos, status);
        MilterClient client = service.session();
        const Verdict early = client.message(eicar_attached());
        BOOST_TEST(early.text().starts_with("451 "), early.text());
        // No further step of an operator is needed.
        fs::create_directories(service.database());
        write_file(signature, content);
        service.wait_ready();
        BOOST_TEST(service.status().at("reason") == "");
        BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
        client.quit();
        BOOST_TEST(service.stop() == 0);
        fs::remove_all(service.state_directory()); // and the snapshot that would serve
        fs::remove(service.path("log"));
    }
}

BOOST_AUTO_TEST_CASE(an_unreadable_database_is_waited_for) {
    Service service({}, As::ordinary_user);
    fs::permissions(service.database() / "eicar.ndb", fs::perms::none);
    service.launch();
    service.wait_log({"no-signatures", "eicar.ndb"});
    fs::permissions(service.database() / "eicar.ndb", fs::perms::owner_read | fs::perms::others_read);
    service.wait_ready();
}

BOOST_AUTO_TEST_CASE(a_port_and_an_address_that_are_not_there_yet_are_waited_for_and_others_serve) {
    Service service;
    evermilter::unique_fd other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    BOOST_REQUIRE(bind(other.get(), reinterpret_cast<sockaddr*>(&name), size) == 0);
    BOOST_REQUIRE(listen(other.get(), 8) == 0);
    BOOST_REQUIRE(getsockname(other.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    const std::string port = std::to_string(ntohs(name.sin_port));
    service.set("milter.listen", "[\"" + service.milter_address() + "\", \"inet:" + port +
                                     "@127.0.0.1\", \"inet:" + port + "@192.0.2.77\"]");
    service.launch();
    service.wait_log({"event=session-worker-ready"}); // the status socket exists by then
    service.wait_status("it is degraded", [&](const nlohmann::json& now) {
        const std::string reason = now.at("reason").get<std::string>();
        return now.at("state") == "degraded" && now.at("current_generation") != 0 &&
               reason.find("inet:" + port + "@127.0.0.1: Address already in use") != std::string::npos &&
               reason.find("inet:" + port + "@192.0.2.77: Cannot assign requested address") != std::string::npos;
    });
    BOOST_TEST(service.session().message(eicar_attached()).text() == kRejected);
    other.reset();
    service.wait_log({"event=listening", "inet:" + port + "@127.0.0.1"});
    MilterClient client("inet:" + port + "@127.0.0.1");
    client.open();
    BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    BOOST_TEST(service.status().at("state") == "degraded"); // because of the other address
    client.quit();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_folder_without_room_is_waited_for) {
    Service service;
    const OwnMount mount(service.temp_directory(), "size=1m,mode=0777");
    const fs::path filler = mount.fill();
    service.launch();
    service.wait_log({"folder-failed", "is full"});
    fs::remove(filler);
    service.wait_ready();
    BOOST_TEST(service.session().message(clean_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_socket_path_in_use_by_a_live_process_is_refused_and_left_to_it) {
    for (const std::string name : {"milter.sock", "status.sock"}) {
        BOOST_TEST_CONTEXT(name) {
            Service service;
            const std::string path = service.path(name);
            const evermilter::unique_fd owner = listen_on(path);
            service.launch();
            const int status = service.wait_end();
            BOOST_TEST((status == kCannotCreate || status == kUnavailable), status << "\n" << service.log());
            BOOST_TEST(service.log().find(path) != std::string::npos);
            BOOST_TEST(service.processes().empty());
            // The owner can still be reached at that path.
            BOOST_CHECK_NO_THROW(StatusClient{path});
        }
    }
}

BOOST_AUTO_TEST_CASE(a_second_instance_with_the_same_configuration_is_refused_and_the_first_serves_on) {
    Service service;
    service.start();
    const Outcome second = run({program("evermilterd"), "--foreground", "--config", service.config_file()});
    BOOST_TEST((second.status == kCannotCreate || second.status == kUnavailable), second.status << second.errors);
    BOOST_TEST(service.session().message(eicar_attached()).text() == kRejected);
}

BOOST_AUTO_TEST_CASE(socket_paths_left_by_a_dead_process_are_taken_over) {
    Service service;
    { const evermilter::unique_fd dead = listen_on(service.path("milter.sock")); }
    { const evermilter::unique_fd dead = listen_on(service.status_path()); }
    service.start();
    BOOST_TEST(service.session().message(eicar_attached()).text() == kRejected);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_socket_is_never_removed) {
    Service service;
    write_file(service.path("milter.sock"), "precious\n");
    service.launch();
    const int status = service.wait_end();
    BOOST_TEST((status == kCannotCreate || status == kUnavailable), status << "\n" << service.log());
    BOOST_TEST(read_file(service.path("milter.sock")) == "precious\n");
}

BOOST_AUTO_TEST_CASE(no_permission_for_the_sockets_folder_is_refused) {
    Service service({}, As::ordinary_user);
    const fs::path closed = service.path("closed");
    fs::create_directory(closed);
    fs::permissions(closed, fs::perms::owner_read | fs::perms::owner_exec);
    service.set("milter.listen", "[\"unix:" + (closed / "milter.sock").string() + "\"]");
    refused(service, {kNoPermission, kCannotCreate}, {closed / "milter.sock"});
}

BOOST_AUTO_TEST_CASE(a_socket_folder_that_does_not_exist_is_refused) {
    Service service;
    const std::string path = service.path("no/such/folder/milter.sock");
    service.set("milter.listen", "[\"unix:" + path + "\"]");
    refused(service, {kCannotCreate, kNoInput}, {path});
}

BOOST_AUTO_TEST_CASE(a_temp_directory_that_cannot_be_used_is_refused) {
    {
        Service service;
        write_file(service.temp_directory(), "a file\n");
        service.launch();
        const int status = service.wait_end();
        BOOST_TEST((status == kCannotCreate || status == kConfig || status == kNoPermission), "exit status " << status);
        BOOST_TEST(service.log().find(service.temp_directory()) != std::string::npos);
        BOOST_TEST(service.processes().empty());
        BOOST_TEST(read_file(service.temp_directory()) == "a file\n");
    }
    {
        Service service({}, As::ordinary_user);
        fs::create_directory(service.temp_directory());
        fs::permissions(service.temp_directory(), fs::perms::none);
        refused(service, {kNoPermission, kCannotCreate}, {service.temp_directory()});
    }
}

BOOST_AUTO_TEST_CASE(a_temp_directory_that_the_scanners_user_cannot_enter_is_refused) {
    if (!is_root()) not_possible("a folder of another user needs root");
    Service service;
    const fs::path closed = service.path("closed");
    fs::create_directory(closed);
    fs::permissions(closed, fs::perms::owner_all); // only root may enter
    service.set("scanner.temp_directory", '"' + (closed / "tmp").string() + '"');
    fs::create_directory(closed / "tmp");
    refused(service, {kNoPermission, kCannotCreate}, {closed / "tmp"});
}

BOOST_AUTO_TEST_CASE(an_unknown_user_is_refused) {
    if (!is_root()) not_possible("another user needs root");
    Service service(Keys{{"process.user", "\"no-such-user-here\""}});
    refused(service, {67, kConfig}, {"no-such-user-here"}); // systemd tries it again
}

BOOST_AUTO_TEST_CASE(started_as_root_every_child_runs_as_the_configured_user_without_any_capability) {
    if (!is_root()) not_possible("another user needs root");
    Service service;
    service.start();
    BOOST_TEST(real_user(service.pid()) == 0U);
    unsigned seen = 0;
    for (const Process& one : service.processes()) {
        if (one.pid == service.pid()) continue;
        ++seen;
        BOOST_TEST_CONTEXT(one.name) {
            BOOST_TEST(status_field(one.pid, "Uid").starts_with(std::to_string(service.user().user)));
            for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
                BOOST_TEST(status_field(one.pid, set) == "0000000000000000");
            BOOST_TEST(status_field(one.pid, "NoNewPrivs") == "1");
            BOOST_TEST(status_field(one.pid, "Groups").find_first_not_of("0123456789 ") == std::string::npos);
        }
    }
    BOOST_TEST(seen >= 5U); // two session workers, a loader, two scanners
    // The supervisor itself: SETUID, SETGID, KILL, DAC_OVERRIDE, CHOWN, FOWNER, NET_BIND_SERVICE and nothing else.
    const unsigned long long allowed =
        (1ULL << 7) | (1ULL << 6) | (1ULL << 5) | (1ULL << 1) | (1ULL << 0) | (1ULL << 3) | (1ULL << 10);
    BOOST_TEST((std::stoull(status_field(service.pid(), "CapEff"), nullptr, 16) & ~allowed) == 0U);
}

BOOST_AUTO_TEST_CASE(started_as_an_ordinary_user_all_of_it_works_as_that_user) {
    Service service({}, As::ordinary_user);
    service.start();
    for (const Process& one : service.processes()) BOOST_TEST(real_user(one.pid) == service.user().user);
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_in_zip()).text() == kRejected);
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    client.quit();
    BOOST_TEST(service.stop() == 0);
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

BOOST_AUTO_TEST_CASE(no_process_holds_a_descriptor_it_was_not_given) {
    Service service;
    service.start();
    for (const Process& one : service.processes()) {
        if (one.pid == service.pid()) continue;
        for (const Descriptor& held : descriptors(one.pid))
            BOOST_TEST((held.target.find(service.config_file()) == std::string::npos &&
                        held.target.find(EVERMILTER_BIN_DIRECTORY) == std::string::npos),
                       one.name << " holds " << held.target);
    }
}

BOOST_AUTO_TEST_CASE(sockets_have_the_configured_mode) {
    Service service(Keys{{"milter.socket_mode", "\"0600\""}, {"status.socket_mode", "\"0666\""}});
    service.start();
    const auto mode = [](const std::string& path) {
        struct stat found {};
        BOOST_REQUIRE(stat(path.c_str(), &found) == 0);
        return found.st_mode & 07777U;
    };
    BOOST_TEST(mode(service.path("milter.sock")) == 0600U);
    BOOST_TEST(mode(service.status_path()) == 0666U);
}

BOOST_AUTO_TEST_CASE(before_the_first_generation_is_ready_the_service_listens_and_only_the_end_of_message_waits) {
    // The loader is stopped as soon as it exists, with enough to load that it cannot be ready by then.
    Service service(Keys{{"scanner.queue_timeout", "\"40s\""}});
    write_bulk_database(service.database(), 400000);
    service.launch();
    pid_t loader = 0;
    wait_until("the loader exists", [&] {
        for (const Process& one : service.processes())
            if (one.name.starts_with("evermilter-scan")) loader = one.pid;
        return loader != 0;
    });
    stop_process(loader);
    wait_until("it listens",
               [&] { return fs::exists(service.path("milter.sock")) && fs::exists(service.status_path()); });
    MilterClient client = service.session();
    BOOST_TEST(client.upload(eicar_attached()).command == 'c');
    client.send('E');
    service.wait_status("the message waits", [](const nlohmann::json& status) {
        return status.at("sessions").at("by_stage").value("eom", 0) == 1;
    });
    BOOST_TEST(!client.readable());
    BOOST_TEST(service.status().at("state") == "starting");
    continue_process(loader);
    BOOST_TEST(client.receive_verdict().text() == kRejected);
    service.wait_ready();
}

BOOST_AUTO_TEST_SUITE_END()
