// Folders and sockets that cleaners and careless people remove under a running service, or replace by something else:
// the service makes them again, as they were, without help; it touches nothing that belongs to others; and the state
// says so meanwhile.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/listening.h"
#include "tests/support/messages.h"
#include "tests/support/own_mount.h"
#include "tests/support/report.h"
#include "tests/support/service.h"
#include "workers/common/shared/engine_lock.h"

using namespace evermilter::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct stat about(const fs::path& path) {
    struct stat found {};
    BOOST_REQUIRE_MESSAGE(lstat(path.c_str(), &found) == 0, path);
    return found;
}

// Checks that it is a folder again, with the owner and mode of before.
void same_access(const fs::path& path, const struct stat& before) {
    const struct stat now = about(path);
    BOOST_TEST(now.st_mode == before.st_mode);
    BOOST_TEST(now.st_uid == before.st_uid);
    BOOST_TEST(now.st_gid == before.st_gid);
}

json wait_degraded(const Service& service, const std::string& reason) {
    return service.wait_status("it is degraded: " + reason, [&](const json& now) {
        return now.at("state") == "degraded" && now.at("reason").get<std::string>().find(reason) != std::string::npos;
    });
}

void wait_well(const Service& service) {
    wait_until("it is well", [&] {
        try {
            return service.status().at("state") == "ready";
        } catch (const std::system_error&) {
            return false; // the status socket is missing
        }
    });
}

// Removes the folder in one step, whatever others do in it at this moment.
void remove_whole(const Service& service, const fs::path& folder) {
    static int count = 0;
    const fs::path away = service.path("away" + std::to_string(count++));
    fs::rename(folder, away);
    std::error_code ignored;
    fs::remove_all(away, ignored);
}

// A message so large that it is kept in the spool.
std::string large_mail(unsigned seed) {
    return multipart_mail({text_part("large"), attachment("noise.bin", noise(2'000'000, seed))});
}

void serves(const Service& service) {
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_in_zip()).text().starts_with("550 "));
    BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
    BOOST_TEST(client.message(large_mail(1)).status() == "Clean");
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
}

} // namespace

BOOST_AUTO_TEST_SUITE(vanished_test)

BOOST_AUTO_TEST_CASE(a_temp_directory_that_is_removed_costs_no_message) {
    Service service;
    service.start();
    const struct stat before = about(service.temp_directory());
    MilterClient client = service.session();
    for (int round = 0; round < 2; ++round) {
        remove_whole(service, service.temp_directory());
        // Each scanner has lost its folder.
        for (int count = 0; count < 3; ++count) {
            const Verdict verdict = client.message(clean_mail(std::to_string(round) + " " + std::to_string(count)));
            BOOST_TEST(verdict.status() == "Clean", verdict.text());
        }
        same_access(service.temp_directory(), before);
    }
    service.wait_log({"folder-made", "scanner.temp_directory"});
    wait_well(service);
    BOOST_TEST(service.status().at("crashes").at("scanner") == 0);
    serves(service);
}

BOOST_AUTO_TEST_CASE(the_scanners_own_folders_are_made_again_where_only_they_are_removed) {
    Service service;
    service.start();
    for (const auto& entry : fs::directory_iterator(service.temp_directory())) fs::remove_all(entry.path());
    MilterClient client = service.session();
    for (int count = 0; count < 3; ++count)
        BOOST_TEST(client.message(clean_mail(std::to_string(count))).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_spool_directory_that_is_removed_is_made_again) {
    Service service;
    service.start();
    const struct stat before = about(service.spool_directory());
    remove_whole(service, service.spool_directory());
    service.wait_log({"folder-made", "message.spool_directory"});
    same_access(service.spool_directory(), before);
    wait_well(service);
    serves(service);
}

BOOST_AUTO_TEST_CASE(a_state_directory_that_is_removed_is_made_again_with_its_locks) {
    Service service;
    service.start();
    const struct stat before = about(service.state_directory());
    const auto first = current(service);
    remove_whole(service, service.state_directory());
    service.wait_log({"folder-made", "database.state_directory"});
    same_access(service.state_directory(), before);
    wait_until("the engine is locked there", [&] {
        const auto locked = evermilter::locked_engines(service.state_directory());
        return locked.ok() && *locked == std::vector<std::uint64_t>{first};
    });
    // No other service may use the directory.
    const Outcome second = run({program("evermilterd"), "--foreground", "--config", service.config_file()});
    BOOST_TEST(second.status != 0);
    wait_well(service);
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
    BOOST_TEST(current(service) > first);
    serves(service);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_hold_outlives_the_state_directory_that_it_was_recorded_in) {
    Service service;
    service.start();
    BOOST_TEST(ask(service, "hold").at("ok") == true);
    wait_until("it is recorded", [&] { return fs::exists(service.state_directory() / "decisions"); });
    remove_whole(service, service.state_directory());
    wait_until("it is recorded again", [&] { return fs::exists(service.state_directory() / "decisions"); });
    wait_well(service);
    BOOST_TEST(service.stop() == 0);
    service.start();
    BOOST_TEST(service.status().at("hold") == true);
}

BOOST_AUTO_TEST_CASE(the_folder_of_everything_is_made_again) {
    Service service;
    const std::string run = service.path("run");
    fs::create_directory(run);
    service.set("milter.listen", "[\"unix:" + run + "/m/milter.sock\"]");
    service.set("status.socket", "\"unix:" + service.status_path() + "\"");
    service.set("scanner.temp_directory", '"' + run + "/tmp\"");
    service.set("message.spool_directory", '"' + run + "/spool\"");
    service.set("database.state_directory", '"' + run + "/state\"");
    service.start();
    const struct stat before = about(run + "/tmp");
    remove_whole(service, run);
    service.wait_log({"listening-again", "milter.sock"});
    wait_well(service);
    same_access(run + "/tmp", before);
    MilterClient client("unix:" + run + "/m/milter.sock");
    client.open();
    BOOST_TEST(client.message(clean_mail("again")).status() == "Clean");
    BOOST_TEST(client.message(large_mail(2)).status() == "Clean");
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
}

BOOST_AUTO_TEST_CASE(sockets_that_are_removed_are_bound_again) {
    Service service(Keys{{"milter.socket_mode", "\"0600\""}});
    service.start();
    for (const std::string& path : {service.path("milter.sock").string(), service.status_path()}) {
        const struct stat before = about(path);
        MilterClient held = service.session();
        fs::remove(path);
        service.wait_log({"listening-again", path});
        same_access(path, before);
        wait_well(service);
        // Existing sessions stay.
        BOOST_TEST(held.message(clean_mail("held")).status() == "Clean");
        serves(service);
    }
    BOOST_TEST(service.stop() == 0);
    BOOST_TEST(!fs::exists(service.path("milter.sock")));
}

BOOST_AUTO_TEST_CASE(a_socket_of_another_process_is_left_to_it_until_it_has_ended) {
    Service service;
    service.start();
    const std::string path = service.path("milter.sock");
    fs::remove(path);
    {
        const evermilter::unique_fd other = listen_on(path);
        const struct stat theirs = about(path);
        wait_degraded(service, "a running process listens there");
        BOOST_TEST(about(path).st_ino == theirs.st_ino);
    }
    wait_well(service);
    serves(service);
}

BOOST_AUTO_TEST_CASE(what_is_put_in_the_place_of_a_socket_is_not_touched) {
    Service service;
    service.start();
    const std::string path = service.path("milter.sock");
    write_file(service.path("other"), "precious\n");
    chmod(service.path("other").c_str(), 0600);
    for (const bool link : {false, true}) {
        fs::remove(path);
        if (link)
            fs::create_symlink(service.path("other"), path);
        else
            write_file(path, "precious\n");
        wait_degraded(service, "something that is not a socket is there");
        BOOST_TEST(read_file(path) == "precious\n");
        BOOST_TEST((about(service.path("other")).st_mode & 07777U) == 0600U);
        fs::remove(path);
        wait_well(service);
        serves(service);
    }
}

BOOST_AUTO_TEST_CASE(what_is_put_in_the_place_of_a_folder_is_neither_followed_nor_changed) {
    Service service;
    service.start();
    const fs::path other = service.path("other");
    fs::create_directory(other);
    const struct stat before = about(other);
    const struct stat temp = about(service.temp_directory());
    for (const bool link : {false, true}) {
        remove_whole(service, service.temp_directory());
        if (link)
            fs::create_symlink(other, service.temp_directory());
        else
            write_file(service.temp_directory(), "precious\n");
        wait_degraded(service, "scanner.temp_directory");
        same_access(other, before);
        BOOST_TEST(fs::is_empty(other));
        fs::remove(service.temp_directory());
        wait_well(service);
        same_access(service.temp_directory(), temp);
        serves(service);
    }
}

BOOST_AUTO_TEST_CASE(another_folder_in_its_place_is_given_to_the_user_if_it_is_new_and_roots) {
    if (!is_root()) not_possible("a folder of another user needs root");
    Service service;
    service.start();
    for (const fs::path& folder : {service.temp_directory(), service.spool_directory(), service.state_directory()}) {
        const struct stat before = about(folder);
        remove_whole(service, folder);
        fs::create_directory(folder); // root's, 0755
        service.wait_log({"folder-", folder.string()});
        wait_until("it is the user's", [&] { return about(folder).st_uid == before.st_uid; });
        wait_well(service);
        serves(service);
    }
    // A folder of another user is not taken over.
    const fs::path folder = service.temp_directory();
    remove_whole(service, folder);
    fs::create_directory(service.path("theirs"));
    BOOST_REQUIRE(chown(service.path("theirs").c_str(), 12345, 12345) == 0);
    fs::rename(service.path("theirs"), folder);
    wait_degraded(service, "make it writable for that user");
    BOOST_TEST(about(folder).st_uid == 12345U);
    fs::remove(folder);
    wait_well(service);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_closed_to_its_user_is_opened_again) {
    Service service;
    service.start();
    for (const fs::path& folder : {service.temp_directory(), service.spool_directory(), service.state_directory()}) {
        const struct stat before = about(folder);
        BOOST_REQUIRE(chmod(folder.c_str(), 0) == 0);
        if (is_root()) BOOST_REQUIRE(chown(folder.c_str(), 0, 0) == 0);
        service.wait_log({"folder-mended", folder.string()});
        wait_well(service);
        same_access(folder, before);
        serves(service);
    }
}

BOOST_AUTO_TEST_CASE(a_spool_directory_without_room_or_read_only_makes_it_degraded) {
    Service service;
    const OwnMount mount(service.spool_directory(), "size=4m,mode=0777");
    service.start();
    const fs::path filler = mount.fill();
    wait_degraded(service, "message.spool_directory: " + service.spool_directory().string() + " is full");
    MilterClient client = service.session();
    BOOST_TEST(client.message(large_mail(3)).text().starts_with("451 "));
    BOOST_TEST(client.message(clean_mail("small")).status() == "Clean");
    fs::remove(filler);
    wait_well(service);
    BOOST_TEST(client.message(large_mail(4)).status() == "Clean");
    mount.read_only(true);
    wait_degraded(service, "is read-only");
    mount.read_only(false);
    wait_well(service);
    serves(service);
}

BOOST_AUTO_TEST_CASE(a_state_directory_without_inodes_makes_it_degraded) {
    Service service;
    const OwnMount mount(service.state_directory(), "size=64m,nr_inodes=64,mode=0777");
    service.start();
    for (int count = 0;; ++count)
        if (!std::ofstream(service.state_directory() / ("file" + std::to_string(count))).is_open()) break;
    wait_degraded(service, "has no inode left");
    for (const auto& entry : fs::directory_iterator(service.state_directory()))
        if (entry.path().filename().string().starts_with("file")) fs::remove(entry.path());
    wait_well(service);
    serves(service);
}

BOOST_AUTO_TEST_CASE(a_mount_over_a_folder_is_taken_and_left_again) {
    Service service;
    const OwnMount first(service.path("first"), "size=1m");
    service.start();
    MilterClient client = service.session();
    const struct stat before = about(service.temp_directory());
    {
        const OwnMount mount(service.temp_directory(), "size=16m,mode=0755"); // root's
        service.wait_log({"folder-mended", "scanner.temp_directory"});
        same_access(service.temp_directory(), before);
        for (int count = 0; count < 3; ++count)
            BOOST_TEST(client.message(clean_mail("over it " + std::to_string(count))).status() == "Clean");
        BOOST_TEST(!fs::is_empty(service.temp_directory()));
    }
    same_access(service.temp_directory(), before);
    for (int count = 0; count < 3; ++count)
        BOOST_TEST(client.message(clean_mail("as ever " + std::to_string(count))).status() == "Clean");
    wait_well(service);
}

BOOST_AUTO_TEST_SUITE_END()
