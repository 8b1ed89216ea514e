// "Taken at once": for each key of which the schema says so, that a changed value is in force after reload-config,
// with the session workers, the generation and the supervisor that there were. A key's test case has its name: the
// first test finds out by the schema whether one is missing.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "config/schema.h"
#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/memory_group.h"
#include "tests/support/messages.h"
#include "tests/support/proxy_header.h"
#include "tests/support/report.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"
#include "tests/support/waiting.h"

using namespace evermilter::test;
namespace config = evermilter::config;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kSuffix = "_is_taken_at_once";

std::string case_name(std::string_view key) {
    std::string name(key);
    std::replace(name.begin(), name.end(), '.', '_');
    return name + kSuffix;
}

std::set<pid_t> pid_set(const Service& service, const std::string& role) {
    const std::vector<pid_t> list = service.pids(role);
    return {list.begin(), list.end()};
}

struct Live : Service {
    explicit Live(const Keys& keys = {}) : Service(keys) {}

    // From here on nobody may be replaced by a change of the configuration.
    void take(const std::string& key, const std::string& value) {
        const auto workers = pid_set(*this, "session");
        const pid_t loader = loader_of_current();
        const auto generation = current(*this);
        set(key, value);
        const json answer = ask(*this, "reload-config");
        BOOST_REQUIRE_MESSAGE(answer.at("ok") == true, answer);
        BOOST_TEST(answer.at("changed") == true, answer);
        BOOST_TEST(current(*this) == generation);
        // There may be more of them, where the key says how many.
        const auto now = pid_set(*this, "session");
        BOOST_TEST(std::includes(now.begin(), now.end(), workers.begin(), workers.end()));
        BOOST_TEST(loader_of_current() == loader);
    }
    // Loaders of earlier generations may be ending.
    [[nodiscard]] pid_t loader_of_current() const {
        const json now = status();
        for (const json& generation : now.at("generations"))
            if (generation.at("id") == now.at("current_generation")) return generation.at("loader").get<pid_t>();
        return 0;
    }
    void serves() const { BOOST_TEST(session().message(eicar_in_body()).text().starts_with("550 ")); }
    static void serves_proxied(const std::string& address) {
        MilterClient client(address);
        client.send_raw(proxied("127.0.0.1"));
        client.open();
        BOOST_TEST(client.message(clean_mail("proxied")).status() == "Clean");
    }
    void client_without_header_is_refused(const std::string& address) const {
        MilterClient client(address);
        client.send('O', std::string(12, '\0'));
        client.wait_closed();
        wait_log({"connection-refused", "proxy_missing"});
    }
    // A [[listener]] at second.sock.
    [[nodiscard]] std::string listener(const std::string& more) const {
        return R"([{name = "second", address = ["unix:)" + path("second.sock").string() + "\"]" + more + "}]";
    }
    [[nodiscard]] mode_t mode_of_socket(const std::string& name = "milter.sock") const {
        struct stat about {};
        BOOST_REQUIRE(::stat(path(name).c_str(), &about) == 0);
        group = about.st_gid;
        return about.st_mode & 0777U;
    }
    mutable gid_t group = 0;
};

// A service whose database has a second file, which is taken away.
struct Vanishing : Live {
    explicit Vanishing(const Keys& keys) : Live(keys) {
        write_bulk_database(database(), 20);
        start();
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(live_keys_test)

BOOST_AUTO_TEST_CASE(each_live_key_of_the_schema_has_a_test_here_and_no_other_key_has) {
    namespace unit = boost::unit_test;
    const auto& suite = unit::framework::get<unit::test_suite>(unit::framework::current_test_case().p_parent_id);
    std::set<std::string> wanted;
    for (const config::Section& section : config::schema().sections)
        for (const config::Row& row : section.rows)
            // What poison.keep does at once is shown without a poisonous scan, in unit_supervisor/table_test.
            if (row.applies_by == config::AppliesBy::live && row.key != std::string_view("poison.keep"))
                wanted.insert(case_name(row.key));
    BOOST_TEST(wanted.size() > 10U);
    for (const std::string& name : wanted)
        BOOST_TEST((suite.get(name) != unit::INV_TEST_UNIT_ID), name << " is missing");
    for (const config::Section& section : config::schema().sections)
        for (const config::Row& row : section.rows)
            if (!wanted.contains(case_name(row.key)))
                BOOST_TEST((suite.get(case_name(row.key)) == unit::INV_TEST_UNIT_ID), row.key << " is not live");
}

// ---------------------------------------------------------------- [milter]

BOOST_AUTO_TEST_CASE(milter_listen_is_taken_at_once) {
    Live service;
    service.start();
    const std::string second = "unix:" + service.path("second.sock").string();
    service.take("milter.listen", "[\"" + second + "\"]");
    MilterClient client(second);
    client.open();
    BOOST_TEST(client.message(clean_mail("second")).status() == "Clean");
    BOOST_TEST(!fs::exists(service.path("milter.sock")));
}

BOOST_AUTO_TEST_CASE(milter_socket_mode_is_taken_at_once) {
    Live service;
    service.start();
    BOOST_TEST(service.mode_of_socket() == 0660U);
    service.take("milter.socket_mode", "\"0640\"");
    BOOST_TEST(service.mode_of_socket() == 0640U);
    service.serves();
}

BOOST_AUTO_TEST_CASE(milter_socket_group_is_taken_at_once) {
    if (!is_root()) not_possible("another user needs root");
    Live service;
    service.start();
    static_cast<void>(service.mode_of_socket());
    const gid_t other = service.group + 1;
    service.take("milter.socket_group", '"' + std::to_string(other) + '"');
    static_cast<void>(service.mode_of_socket());
    BOOST_TEST(service.group == other);
    service.serves();
}

BOOST_AUTO_TEST_CASE(milter_allow_is_taken_at_once) {
    Live service(Keys{{"milter.listen", R"(["inet:0@127.0.0.1"])"}});
    service.start();
    const std::string address = service.status().at("listeners").at(0);
    MilterClient held(address);
    held.open();
    service.take("milter.allow", R"(["192.0.2.0/24"])");
    MilterClient(address).wait_closed();
    service.wait_log({"connection-refused", "not_allowed"});
    BOOST_TEST(held.message(clean_mail("held")).status() == "Clean");
    service.take("milter.allow", R"(["127.0.0.1"])");
    MilterClient again(address);
    again.open();
    BOOST_TEST(again.message(clean_mail("again")).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(milter_proxy_is_taken_at_once) {
    Live service;
    service.start();
    MilterClient direct = service.session();
    service.take("milter.proxy", "true");
    service.client_without_header_is_refused(service.milter_address());
    MilterClient behind(service.milter_address());
    behind.send_raw(proxied("127.0.0.1"));
    behind.open();
    service.take("milter.proxy", "false");
    service.serves();
    // Both end as they began.
    BOOST_TEST(direct.message(clean_mail("direct")).status() == "Clean");
    BOOST_TEST(behind.message(clean_mail("behind")).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(milter_proxy_from_is_taken_at_once) {
    Live service(Keys{{"milter.listen", R"(["inet:0@127.0.0.1"])"}, {"milter.proxy", "true"}});
    service.start();
    const std::string address = service.status().at("listeners").at(0);
    service.take("milter.proxy_from", R"(["192.0.2.0/24"])");
    MilterClient(address).wait_closed();
    service.wait_log({"connection-refused", "proxy_untrusted"});
    service.take("milter.proxy_from", R"(["127.0.0.1"])");
    service.serves_proxied(address);
}

BOOST_AUTO_TEST_CASE(milter_max_sessions_is_taken_at_once) {
    Live service;
    service.start();
    const MilterClient held = service.session();
    service.take("milter.max_sessions", "1");
    service.client().wait_closed();
    service.take("milter.max_sessions", "2");
    service.serves();
}

BOOST_AUTO_TEST_CASE(milter_max_sessions_per_peer_is_taken_at_once) {
    Live service;
    service.start();
    const MilterClient held = service.session();
    service.take("milter.max_sessions_per_peer", "1");
    service.client().wait_closed();
    service.wait_log({"connection-refused", "max_sessions_per_peer"});
    service.take("milter.max_sessions_per_peer", "2");
    service.serves();
}

// ---------------------------------------------------------------- [[listener]]

BOOST_AUTO_TEST_CASE(listener_address_is_taken_at_once) {
    Live service;
    const auto block = [&](const std::string& socket) {
        return R"([{name = "second", address = ["unix:)" + service.path(socket).string() + "\"]}]";
    };
    service.set("listener", block("a.sock"));
    service.start();
    service.take("listener", block("b.sock"));
    MilterClient client("unix:" + service.path("b.sock").string());
    client.open();
    BOOST_TEST(client.message(clean_mail("second")).status() == "Clean");
    BOOST_TEST(!fs::exists(service.path("a.sock")));
    service.serves();
}

BOOST_AUTO_TEST_CASE(listener_socket_mode_is_taken_at_once) {
    Live service;
    service.set("listener", service.listener(""));
    service.start();
    BOOST_TEST(service.mode_of_socket("second.sock") == 0660U);
    service.take("listener", service.listener(R"(, socket_mode = "0640")"));
    BOOST_TEST(service.mode_of_socket("second.sock") == 0640U);
    BOOST_TEST(service.mode_of_socket() == 0660U);
}

BOOST_AUTO_TEST_CASE(listener_socket_group_is_taken_at_once) {
    if (!is_root()) not_possible("another user needs root");
    Live service;
    service.set("listener", service.listener(""));
    service.start();
    static_cast<void>(service.mode_of_socket("second.sock"));
    const gid_t other = service.group + 1;
    service.take("listener", service.listener(", socket_group = \"" + std::to_string(other) + '"'));
    static_cast<void>(service.mode_of_socket("second.sock"));
    BOOST_TEST(service.group == other);
}

BOOST_AUTO_TEST_CASE(listener_proxy_is_taken_at_once) {
    Live service;
    service.set("listener", service.listener(""));
    service.start();
    const std::string address = "unix:" + service.path("second.sock").string();
    service.take("listener", service.listener(", proxy = true"));
    service.client_without_header_is_refused(address);
    service.serves_proxied(address);
    service.serves();
    service.take("listener", service.listener(", proxy = false"));
    MilterClient(address).open();
}

BOOST_AUTO_TEST_CASE(listener_proxy_from_is_taken_at_once) {
    Live service(Keys{{"milter.listen", "[]"}});
    const auto block = [](const std::string& network) {
        return R"([{name = "second", address = ["inet:0@127.0.0.1"], proxy = true, proxy_from = [")" + network +
               "\"]}]";
    };
    service.set("listener", block("127.0.0.0/8"));
    service.start();
    const std::string address = service.status().at("listeners").at(0);
    service.take("listener", block("192.0.2.0/24"));
    MilterClient(address).wait_closed();
    service.wait_log({"connection-refused", "proxy_untrusted"});
    service.take("listener", block("127.0.0.1"));
    service.serves_proxied(address);
}

BOOST_AUTO_TEST_CASE(listener_allow_is_taken_at_once) {
    Live service(Keys{{"milter.listen", "[]"}});
    const auto block = [](const std::string& network) {
        return R"([{name = "second", address = ["inet:0@127.0.0.1"], allow = [")" + network + "\"]}]";
    };
    service.set("listener", block("127.0.0.0/8"));
    service.start();
    const std::string address = service.status().at("listeners").at(0);
    service.take("listener", block("192.0.2.0/24"));
    MilterClient(address).wait_closed();
    service.wait_log({"connection-refused", "not_allowed"});
    service.take("listener", block("127.0.0.1"));
    MilterClient again(address);
    again.open();
    BOOST_TEST(again.message(clean_mail("again")).status() == "Clean");
}

// ---------------------------------------------------------------- [workers]

BOOST_AUTO_TEST_CASE(workers_session_min_is_taken_at_once) {
    Live service(Keys{{"workers.session_min", "1"}});
    service.start();
    service.take("workers.session_min", "3");
    service.wait_status("there are three", [&](const json&) { return service.pids("session").size() == 3; });
}

BOOST_AUTO_TEST_CASE(workers_session_max_is_taken_at_once) {
    Live service(
        Keys{{"workers.session_min", "1"}, {"workers.session_max", "1"}, {"workers.sessions_per_worker", "1"}});
    service.start();
    MilterClient first = service.session();
    service.take("workers.session_max", "2");
    MilterClient second = service.session(); // would wait until it is refused
    BOOST_TEST(second.message(clean_mail("second")).status() == "Clean");
    BOOST_TEST(first.message(clean_mail("first")).status() == "Clean");
    BOOST_TEST(service.pids("session").size() == 2U);
}

// ---------------------------------------------------------------- [database]

BOOST_AUTO_TEST_CASE(database_watch_is_taken_at_once) {
    Live service(Keys{{"database.settle", "\"100ms\""}});
    service.start();
    const auto first = current(service);
    service.take("database.watch", "true");
    add_second_signature(service);
    service.wait_status("it is loaded", [&](const json& now) { return now.at("current_generation") > first; });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(database_settle_is_taken_at_once) {
    Live service(Keys{{"database.watch", "true"}, {"database.settle", "\"1h\""}});
    service.start();
    const auto first = current(service);
    service.take("database.settle", "\"100ms\"");
    add_second_signature(service);
    service.wait_status("it is loaded", [&](const json& now) { return now.at("current_generation") > first; });
}

// Of a file that is written and stays open the kernel tells nothing.
BOOST_AUTO_TEST_CASE(database_check_interval_is_taken_at_once) {
    Live service(
        Keys{{"database.watch", "true"}, {"database.settle", "\"100ms\""}, {"database.check_interval", "\"1h\""}});
    add_second_signature(service);
    service.start();
    const auto first = current(service);
    std::ofstream open_file(service.database() / "Second.ndb", std::ios::app);
    service.take("database.check_interval", "\"100ms\"");
    open_file << "Evermilter.Test.Third:0:*:"
              << "7468697264207369676e6174757265"
              << "\n"
              << std::flush;
    service.wait_status("it is loaded", [&](const json& now) { return now.at("current_generation") > first; });
}

BOOST_AUTO_TEST_CASE(database_vanished_after_is_taken_at_once) {
    Vanishing service(Keys{{"database.vanished_after", "\"1h\""}});
    const auto first = current(service);
    fs::remove(service.database() / "bulk.hdb");
    BOOST_TEST(ask(service).at("ok") == false);
    service.take("database.vanished_after", "\"100ms\"");
    service.wait_status("it goes on without", [&](const json& now) { return now.at("current_generation") > first; });
}

BOOST_AUTO_TEST_CASE(database_broken_file_is_taken_at_once) {
    Live service;
    service.start();
    write_file(service.database() / "broken.ndb", "this is no signature\n");
    BOOST_TEST(ask(service).at("ok") == true);
    service.take("database.broken_file", "\"refuse\"");
    const json refused = ask(service, "reload --force");
    BOOST_TEST(refused.at("ok") == false, refused);
}

BOOST_AUTO_TEST_CASE(database_keep_is_taken_at_once) {
    Live service(Keys{{"database.keep", "9"}});
    service.start();
    const auto snapshots = [&] { return ask(service, "snapshots").at("snapshots").size(); };
    for (int i = 0; i < 4; ++i) {
        write_signature(service.database(), "Number" + std::to_string(i), "text number " + std::to_string(i));
        BOOST_REQUIRE(ask(service).at("ok") == true);
    }
    BOOST_TEST(snapshots() == 5U);
    service.take("database.keep", "1");
    write_signature(service.database(), "Last", "the last text");
    BOOST_REQUIRE(ask(service).at("ok") == true);
    // What serves, what may drain, and one more.
    wait_until("the others are gone", [&] { return snapshots() <= 3; });
}

BOOST_AUTO_TEST_CASE(database_min_ratio_is_taken_at_once) {
    Vanishing service(Keys{{"database.min_ratio", "0"}});
    const std::string all = read_file(service.database() / "bulk.hdb");
    write_file(service.database() / "bulk.hdb", all.substr(0, all.find("Bulk.3") + 7));
    service.take("database.min_ratio", "1.0");
    const json refused = ask(service);
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(refused.at("error").get<std::string>().find("database.min_ratio") != std::string::npos, refused);
}

// ---------------------------------------------------------------- [reload]

BOOST_AUTO_TEST_CASE(reload_drain_timeout_is_taken_at_once) {
    Live service(Keys{{"reload.drain_timeout", "\"1h\""}});
    service.start();
    const auto first = current(service);
    MilterClient held = service.session();
    BOOST_TEST(held.message(second_mail()).status() == "Clean");
    add_second_signature(service);
    BOOST_REQUIRE(ask(service).at("ok") == true);
    BOOST_TEST(state_of(service.status(), first) == "draining");
    // Of the generation that drains already, too.
    service.take("reload.drain_timeout", "\"100ms\"");
    wait_state(service, first, "gone");
    BOOST_TEST(held.message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(reload_load_timeout_is_taken_at_once) {
    Live service;
    write_bulk_database(service.database(), kBulk);
    service.start();
    service.take("reload.load_timeout", "\"3s\"");
    const HeldLoad held(service);
    service.wait_log({"load-refused", "reload.load_timeout"});
}

// Comments cost no memory, but the estimate knows only how large the file is. Debian 13's libclamav needs 384 MiB for
// the first load where the snapshot is in memory (tmpfs).
BOOST_AUTO_TEST_CASE(reload_memory_check_is_taken_at_once) {
    constexpr std::uint64_t kMiB = 1024UL * 1024;
    const MemoryGroup group;
    Live service(Keys{{"reload.memory_check", "false"}});
    {
        const MemoryGroup::Visit inside(group);
        service.start();
    }
    group.limit(group.held() + 512 * kMiB);
    std::string comments;
    while (comments.size() < 64 * kMiB) comments += "#" + std::string(8000, ' ') + "\n";
    write_file(service.database() / "comments.ndb", comments);
    BOOST_TEST(ask(service).at("ok") == true);
    service.take("reload.memory_check", "true");
    comments += comments;
    write_file(service.database() / "comments.ndb", comments + comments);
    const json refused = ask(service);
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(refused.at("error").get<std::string>().find("reload.memory_check") != std::string::npos, refused);
}

BOOST_AUTO_TEST_CASE(reload_mode_is_taken_at_once) {
    Live service;
    service.start();
    const auto first = current(service);
    service.take("reload.mode", "\"replace\"");
    BOOST_REQUIRE(ask(service, "reload --force").at("ok") == true);
    BOOST_TEST(line_of(service, {"generation-gone", "generation=" + std::to_string(first)}) <
               line_of(service, {"load-progress", "generation=" + std::to_string(first + 1), "step=load"}));
}

// What comes by itself waits, an operator does not.
BOOST_AUTO_TEST_CASE(reload_splay_is_taken_at_once) {
    Live service(Keys{{"database.watch", "true"}, {"database.settle", "\"0s\""}});
    service.start();
    const auto first = current(service);
    service.take("reload.splay", "\"24h\"");
    write_bulk_database(service.database(), 20);
    service.wait_status("a reload waits", [](const json& status) { return !status.at("reload_due").is_null(); });
    service.wait_log({"reload-waits", "by=database.watch"});
    StatusClient freshclam(service.status_path());
    freshclam.send(std::string("RELOAD\0", 7));
    BOOST_TEST(freshclam.receive_until('\n') == "RELOADING");
    BOOST_TEST(current(service) == first);
    BOOST_TEST(ask(service, "reload").at("changed") == true);
    write_bulk_database(service.database(), 30);
    service.take("reload.splay", "\"0s\"");
    service.wait_status("it is loaded",
                        [&](const json& status) { return status.at("current_generation") == first + 2; });
}

// ---------------------------------------------------------------- [timeouts]

BOOST_AUTO_TEST_CASE(timeouts_negotiate_is_taken_at_once) {
    Live service(Keys{{"timeouts.negotiate", "\"1h\""}});
    service.start();
    service.take("timeouts.negotiate", "\"100ms\"");
    service.client().wait_closed();
    service.wait_log({"session-timed-out", "negotiate"});
}

BOOST_AUTO_TEST_CASE(timeouts_shutdown_is_taken_at_once) {
    // By the supervisor.
    {
        Live service(Keys{{"timeouts.shutdown", "\"1h\""}});
        service.start();
        MilterClient held = service.session();
        held.upload(clean_mail("held"));
        service.take("timeouts.shutdown", "\"100ms\"");
        service.signal(SIGTERM);
        held.wait_closed();
        BOOST_TEST(service.wait_end() == 0);
    }
    // And by session workers, loader and standby, where the supervisor has died.
    Live service(Keys{{"timeouts.shutdown", "\"1h\""}});
    service.start();
    MilterClient held = service.session();
    held.upload(clean_mail("held"));
    const pid_t stuck = service.pids("session").front(); // holds the generation's queue
    service.take("timeouts.shutdown", "\"100ms\"");
    BOOST_REQUIRE(::kill(stuck, SIGSTOP) == 0);
    service.signal(SIGKILL);
    // graces.h, kOrphans: the loader does not wait for the one that is stopped.
    service.wait_log({"event=queue-still-held"});
    wait_until("the loader has ended", [&] {
        const auto all = service.processes();
        return std::all_of(all.begin(), all.end(), [&](const Process& one) { return one.pid == stuck; });
    });
    ::kill(stuck, SIGCONT);
    held.wait_closed();
}

// ---------------------------------------------------------------- [process]

BOOST_AUTO_TEST_CASE(process_ping_timeout_is_taken_at_once) {
    Live service(Keys{{"process.ping_timeout", "\"1h\""}});
    service.start();
    const pid_t stopped = service.pids("session").front();
    service.take("process.ping_timeout", "\"4s\""); // the next beat was due in twenty minutes
    BOOST_REQUIRE(::kill(stopped, SIGSTOP) == 0);
    service.wait_log({"child-killed", "process.ping_timeout", std::to_string(stopped)});
}

// ---------------------------------------------------------------- [log]

BOOST_AUTO_TEST_CASE(log_summary_is_taken_at_once) {
    Live service(Keys{{"log.summary", "\"0s\""}});
    service.start();
    service.serves();
    service.take("log.summary", "\"200ms\"");
    service.wait_log(
        {"event=summary", "messages=1 clean=0 infected=1", std::string("viruses=\"") + kEicarName + " 1\""});
    service.take("log.summary", "\"0s\"");
}

BOOST_AUTO_TEST_SUITE_END()
