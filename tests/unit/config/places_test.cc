// Folders and sockets that are the same place, however they are written.
#include "config/places.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "config/parse.h"

using namespace evermilter;
namespace fs = std::filesystem;

namespace {

std::string first_conflict(const config::Config& config, config::Links links = config::Links::as_written) {
    const auto conflicts = config::check_places(config, links);
    return conflicts.empty() ? "" : conflicts.front().keys.front();
}

} // namespace

BOOST_AUTO_TEST_SUITE(places)

BOOST_AUTO_TEST_CASE(the_defaults_are_apart) {
    BOOST_TEST(first_conflict(config::defaults()) == "");
}

BOOST_AUTO_TEST_CASE(no_folder_is_or_lies_in_another) {
    struct Row {
        const char* state;
        const char* database;
        const char* temp;
        const char* spool;
        const char* key; // the first fault's, "" for none
    };
    const char* const state = "database.state_directory";
    const Row rows[] = {
        {"/s", "/d", "/t", "/p", ""},
        {"/s", "/s", "/t", "/p", state},
        {"/s/", "/s", "/t", "/p", state},
        {"/s", "/s//", "/t", "/p", state},
        {"/s/./", "/x/../s", "/t", "/p", state},
        {"/d/state", "/d", "/t", "/p", state},
        {"/s", "/s/db", "/t", "/p", state},
        {"/s", "/snapshots", "/t", "/p", ""}, // a name that begins the same is another folder
        {"/s", "/d", "/s/tmp", "/p", state},
        {"/s", "/d", "/d/tmp", "/p", "database.directory"},
        {"/s", "/d", "/t", "/t", "scanner.temp_directory"},
        {"/s", "/d", "/t", "/t/spool", "scanner.temp_directory"},
        {"/s", "/d", "/p/tmp", "/p", "scanner.temp_directory"},
        {"/s", "/d", "/t", "/s/spool/", state},
        {"/s", "/", "/t", "/p", state},
    };
    for (const Row& row : rows) {
        config::Config config = config::defaults();
        config.database.state_directory = row.state;
        config.database.directory = row.database;
        config.scanner.temp_directory = row.temp;
        config.message.spool_directory = row.spool;
        BOOST_TEST(first_conflict(config) == row.key,
                   row.state << " " << row.database << " " << row.temp << " " << row.spool);
    }
}

BOOST_AUTO_TEST_CASE(a_listener_is_not_the_status_socket_nor_another_listener) {
    struct Row {
        std::vector<std::string> listen;
        std::string status;
        std::size_t conflicts;
    };
    const Row rows[] = {
        {{"unix:/x/m"}, "unix:/x/s", 0},
        {{"unix:/x/s"}, "unix:/x/s", 1},
        {{"local:/x/s"}, "unix:/x/s", 1},
        {{"/x/s"}, "local:/x/s", 1},
        {{"/x/./s"}, "/x/s", 1},
        {{"/x//s"}, "/y/../x/s", 1},
        {{"unix:/x/m", "local:/x/m"}, "/x/s", 1},
        {{"inet:8891@127.0.0.1", "inet:8891@127.0.0.2"}, "/x/s", 0},
        {{"inet:8891@127.0.0.1", "inet:8892@127.0.0.1"}, "/x/s", 0},
        {{"inet:8891@127.0.0.1", "inet:8891@127.1"}, "/x/s", 1},
        {{"inet:8891@127.0.0.1", "inet:8891@localhost"}, "/x/s", 1},
        {{"inet:8891@Mx.Example", "inet:8891@mx.example"}, "/x/s", 1},
        {{"inet:8891@127.0.0.1", "inet:8891@0.0.0.0"}, "/x/s", 1},
        {{"inet:8891", "inet:8891@127.0.0.1"}, "/x/s", 1},
        {{"inet6:8891@::1", "inet6:8891@0:0:0:0:0:0:0:1"}, "/x/s", 1},
        {{"inet6:8891@::1", "inet6:8891@::"}, "/x/s", 1},
        {{"inet:8891@127.0.0.1", "inet6:8891@::1"}, "/x/s", 0},
        {{"inet:0@127.0.0.1", "inet:0@127.1"}, "/x/s", 0}, // the kernel chooses two
    };
    for (const Row& row : rows) {
        config::Config config = config::defaults();
        config.milter.listen = row.listen;
        config.status.socket = row.status;
        BOOST_TEST(config::check_places(config, config::Links::as_written).size() == row.conflicts,
                   row.listen.back() << " " << row.status);
    }
}

BOOST_AUTO_TEST_CASE(links_are_followed_where_a_file_is_read) {
    std::string folder = "/tmp/evermilter-places-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
    fs::create_directories(folder + "/database");
    fs::create_symlink("database", folder + "/link");
    fs::create_symlink(folder, folder + "/back");
    fs::create_directories(folder + "/elsewhere/inner");
    fs::create_symlink(folder + "/database/inner", folder + "/elsewhere/into");
    fs::create_directories(folder + "/database/inner");
    const auto faults_with = [&](const std::string& state, const std::string& listen) {
        std::ofstream(folder + "/evermilter.toml")
            << "[database]\ndirectory = \"" << folder << "/database\"\nstate_directory = \"" << state
            << "\"\n[milter]\nlisten = [\"" << listen << "\"]\n[status]\nsocket = \"" << folder << "/status\"\n";
        const auto parsed = config::parse_file(folder + "/evermilter.toml");
        return parsed ? std::string() : parsed.error().front().text();
    };
    const std::string file = folder + "/evermilter.toml";
    BOOST_TEST(faults_with(folder + "/state", folder + "/milter") == "");
    BOOST_TEST(faults_with(folder + "/link", folder + "/milter").starts_with(file + ":3:"));
    BOOST_TEST(faults_with(folder + "/link/state", folder + "/milter").starts_with(file + ":3:"));
    BOOST_TEST(faults_with(folder + "/back/database/", folder + "/milter").starts_with(file + ":3:"));
    BOOST_TEST(faults_with(folder + "/state", folder + "/back/status").starts_with(file + ":5:"));
    // ".." behind a link leads to the folder above its target.
    BOOST_TEST(faults_with(folder + "/elsewhere/into/../state", folder + "/milter").starts_with(file + ":3:"));
    BOOST_TEST(faults_with(folder + "/database/../state", folder + "/milter") == "");
    fs::remove_all(folder);
}

BOOST_AUTO_TEST_SUITE_END()
