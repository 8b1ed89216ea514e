// Which users the children run as, and what happens to the folders when that changes.
#include <pwd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/own_mount.h"
#include "tests/support/proc.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

constexpr int kNoPermission = 77;

uid_t uid_of(const char* user) {
    const passwd* const entry = getpwnam(user);
    BOOST_REQUIRE(entry != nullptr);
    return entry->pw_uid;
}

uid_t owner(const fs::path& path) {
    struct stat about {};
    BOOST_REQUIRE(lstat(path.c_str(), &about) == 0);
    return about.st_uid;
}

void need_root() {
    if (!is_root()) not_possible("another user needs root");
}

void check_serves(Service& service) {
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
    BOOST_TEST(service.session().message(clean_mail("after it")).status() == "Clean");
    BOOST_TEST(service.status().at("reason") == "");
}

} // namespace

BOOST_AUTO_TEST_SUITE(users_test)

BOOST_AUTO_TEST_CASE(the_scanners_new_user_gets_what_the_former_one_had) {
    need_root();
    Service service;
    // A name that begins like that of a scanner's folder.
    write_signature(service.database(), "google-safebrowsing", "another text that is looked for");
    service.start();
    BOOST_TEST(ask(service, "rollback").at("ok") == false);
    BOOST_TEST(service.ctl({"hold"}).status == 0);
    BOOST_TEST(service.stop() == 0);
    for (const char* user : {"daemon", "bin", "nobody"}) {
        service.set("process.scanner_user", '"' + std::string(user) + '"');
        service.start();
        for (const auto& one : fs::recursive_directory_iterator(service.state_directory()))
            BOOST_TEST(owner(one.path()) == uid_of(user), one.path());
        BOOST_TEST(real_user(service.pids("loader").front()) == uid_of(user));
        BOOST_TEST(service.status().at("hold") == true);
        check_serves(service);
        BOOST_TEST(service.ctl({"hold"}).status == 0);
        BOOST_TEST(service.stop() == 0);
    }
}

BOOST_AUTO_TEST_CASE(empty_folders_of_roots_are_given) {
    need_root();
    Service service;
    for (const char* folder : {"tmp", "state", "spool"}) {
        fs::remove_all(service.path(folder));
        fs::create_directory(service.path(folder));
        BOOST_REQUIRE(owner(service.path(folder)) == 0U);
    }
    service.set("process.scanner_user", "\"daemon\"");
    service.start();
    BOOST_TEST(owner(service.path("tmp")) == uid_of("daemon"));
    BOOST_TEST(owner(service.path("state")) == uid_of("daemon"));
    BOOST_TEST(owner(service.path("spool")) == uid_of("nobody"));
    check_serves(service);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(what_is_not_ours_is_nobody_elses_afterwards) {
    need_root();
    Service service;
    service.start();
    BOOST_TEST(service.stop() == 0);
    const fs::path secret = service.path("secret");
    write_file(secret, "root's");
    fs::create_symlink(secret, service.state_directory() / "snapshots/link");
    write_file(service.state_directory() / "snapshots/roots", "root's too");
    service.set("process.scanner_user", "\"daemon\"");
    service.start();
    BOOST_TEST(owner(secret) == 0U);
    BOOST_TEST(owner(service.state_directory() / "snapshots/roots") == 0U);
    check_serves(service);
    BOOST_TEST(service.stop() == 0);

    // A folder with other things in it belongs to somebody else.
    write_file(service.state_directory() / "thesis.tex", "");
    service.set("process.scanner_user", "\"bin\"");
    service.launch();
    BOOST_TEST(service.wait_end() == kNoPermission);
    BOOST_TEST(owner(service.state_directory()) == uid_of("daemon"));
}

// The owner of the parent folder can put a link there at any moment.
BOOST_AUTO_TEST_CASE(a_link_of_another_user_leads_to_nothing_that_is_given) {
    need_root();
    for (const char* key : {"scanner.temp_directory", "database.state_directory", "message.spool_directory"}) {
        Service service;
        const fs::path victim = service.path("victim");
        const fs::path theirs = service.path("theirs");
        fs::create_directory(victim);
        fs::create_directory(theirs);
        fs::create_directory_symlink(victim, theirs / "link");
        for (const fs::path& one : {theirs, theirs / "link"})
            BOOST_REQUIRE(lchown(one.c_str(), uid_of("nobody"), static_cast<gid_t>(-1)) == 0);
        service.set(key, '"' + (theirs / "link").string() + '"');
        service.launch();
        BOOST_TEST(service.wait_end() == kNoPermission, key);
        BOOST_TEST(owner(victim) == 0U, key);
    }
}

BOOST_AUTO_TEST_CASE(scanners_have_a_user_of_their_own_where_there_is_one) {
    need_root();
    Service service;
    service.start();
    BOOST_TEST(service.wait_log({"event=one-user", "evermilter-scanner"}).find("nobody") != std::string::npos);
    BOOST_TEST(service.stop() == 0);

    // As a package would create it.
    const OwnMount place(service.path("etc"), "mode=0755");
    write_file(service.path("etc/passwd"),
               read_file("/etc/passwd") + "evermilter-scanner:x:64321:64321::/nonexistent:/usr/sbin/nologin\n");
    if (mount(service.path("etc/passwd").c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) != 0)
        not_possible("this machine allows no mount");
    const std::size_t warned = count_log(service, "event=one-user");
    service.start();
    BOOST_TEST(count_log(service, "event=one-user") == warned);
    BOOST_TEST(real_user(service.pids("loader").front()) == 64321U);
    BOOST_TEST(real_user(service.pids("session").front()) == uid_of("nobody"));
    check_serves(service);
    // A site can still set one user for all.
    BOOST_TEST(service.stop() == 0);
    service.set("process.scanner_user", "\"nobody\"");
    service.start();
    BOOST_TEST(real_user(service.pids("loader").front()) == uid_of("nobody"));
    check_serves(service);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
