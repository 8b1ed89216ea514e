// database.watch: what is a change, however the databases come into their directory, and when it is told.
#include "supervisor/generations/database_watch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "supervisor/files/link_path.h"
#include "tests/unit/supervisor/turning_loop.h"

using namespace evermilter::supervisor;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using evermilter::TimerWatcher;
using evermilter::supervisor::test::TurningLoop;

namespace {

struct Watched {
    explicit Watched(const std::string& directory = "db", std::chrono::milliseconds interval = 10min) {
        database.directory = folder.path(directory);
        database.settle = 50ms;
        database.check_interval = interval;
    }
    void begin() { watch.apply(database); }
    void write(const std::string& name, const std::string& content) const {
        std::ofstream(folder.path(name), std::ios::app) << content;
    }
    void wait_settled(const char* what) {
        const int before = settled;
        loop.until(what, [&] { return settled > before; });
    }
    // Replaces a link at once, as `ln -sfn` does.
    void point(const std::string& link, const std::string& target) const {
        const std::string temporary = folder.path("new-link");
        fs::create_symlink(target, temporary);
        fs::rename(temporary, folder.path(link));
    }

    TurningLoop loop;
    evermilter::supervisor::test::Folder folder;
    evermilter::config::Database database{};
    int settled = 0;
    std::vector<std::string> troubles;
    DatabaseWatch watch{loop.get(),
                        {[this] { ++settled; }, [this](const std::string& text) { troubles.push_back(text); }}};
};

} // namespace

BOOST_AUTO_TEST_SUITE(database_watch_test)

BOOST_AUTO_TEST_CASE(a_log_that_grows_and_other_files_are_no_change_and_put_off_none) {
    Watched one;
    fs::create_directory(one.folder.path("db"));
    one.write("db/a.ndb", "a");
    one.begin();
    TimerWatcher busy(one.loop.get(), [&] {
        for (const char* name : {"db/freshclam.log", "db/mirrors.dat", "db/daily.cvd.sign", "db/notes.txt"})
            one.write(name, "another line\n");
    });
    busy.start(1ms, 1ms);
    bool long_enough = false;
    TimerWatcher enough(one.loop.get(), [&] { long_enough = true; });
    enough.start(300ms);
    one.loop.until("six times the time to settle is over", [&] { return long_enough; });
    BOOST_TEST(one.settled == 0);
    one.write("db/a.ndb", "b");
    one.wait_settled("the database is seen although the log grows on");
}

BOOST_AUTO_TEST_CASE(what_changes_without_end_is_told_in_the_end) {
    Watched one;
    fs::create_directory(one.folder.path("db"));
    one.write("db/a.ndb", "a");
    one.begin();
    TimerWatcher busy(one.loop.get(), [&] { one.write("db/a.ndb", "more"); });
    busy.start(5ms, 5ms);
    one.wait_settled("it is told while it grows");
}

BOOST_AUTO_TEST_CASE(the_target_of_a_link_is_watched_and_so_is_the_link) {
    Watched one;
    for (const char* name : {"db", "elsewhere", "third"}) fs::create_directory(one.folder.path(name));
    one.write("elsewhere/a.ndb", "a");
    one.write("third/a.ndb", "third");
    fs::create_symlink("../elsewhere/a.ndb", one.folder.path("db/a.ndb"));
    one.begin();
    one.write("elsewhere/a.ndb", "b"); // in place
    one.wait_settled("its target was written");
    fs::rename(one.folder.path("third/a.ndb"), one.folder.path("elsewhere/a.ndb"));
    one.wait_settled("its target was replaced");
    one.write("third/a.ndb", "again");
    one.point("db/a.ndb", one.folder.path("third/a.ndb"));
    one.wait_settled("it points elsewhere");
    one.write("third/a.ndb", "b");
    one.wait_settled("its new target was written");
}

BOOST_AUTO_TEST_CASE(the_target_of_a_link_that_leads_nowhere_is_seen_to_come) {
    Watched one;
    for (const char* name : {"db", "elsewhere"}) fs::create_directory(one.folder.path(name));
    fs::create_symlink("../elsewhere/a.ndb", one.folder.path("db/a.ndb"));
    one.begin();
    one.write("elsewhere/a.ndb", "a");
    one.wait_settled("its target came");
    one.write("elsewhere/a.ndb", "b");
    one.wait_settled("its target was written");
}

BOOST_AUTO_TEST_CASE(the_file_of_site_signatures_is_watched_wherever_it_is) {
    Watched one;
    for (const char* name : {"db", "etc"}) fs::create_directory(one.folder.path(name));
    one.write("db/a.ndb", "a");
    one.database.site_signatures = one.folder.path("etc/site");
    one.begin();
    one.write("etc/site", "it comes");
    one.wait_settled("it came");
    one.write("etc/site", "and grows");
    one.wait_settled("it was written");
    one.write("etc/other", "beside it");
    one.write("etc/new", "another");
    fs::rename(one.folder.path("etc/new"), one.folder.path("etc/site"));
    one.wait_settled("it was replaced");
    fs::remove(one.folder.path("etc/site"));
    one.wait_settled("it is gone");
    BOOST_TEST(one.settled == 4);
}

BOOST_AUTO_TEST_CASE(a_file_that_others_may_read_now_is_a_change) {
    Watched one;
    fs::create_directory(one.folder.path("db"));
    one.write("db/a.ndb", "a");
    fs::permissions(one.folder.path("db/a.ndb"), fs::perms::none);
    one.begin();
    fs::permissions(one.folder.path("db/a.ndb"), fs::perms::owner_read | fs::perms::others_read);
    one.wait_settled("its mode was changed");
}

BOOST_AUTO_TEST_CASE(a_folder_above_that_is_replaced_is_a_change_and_so_is_what_comes_after) {
    Watched one("site/clamav/db");
    for (const char* name : {"site/clamav/db", "next/clamav/db"}) {
        fs::create_directories(one.folder.path(name));
        one.write(std::string(name) + "/a.ndb", name);
    }
    one.begin();
    fs::rename(one.folder.path("site"), one.folder.path("former"));
    fs::rename(one.folder.path("next"), one.folder.path("site"));
    one.wait_settled("the folder above was replaced");
    one.write("site/clamav/db/a.ndb", "more");
    one.wait_settled("what is there now has changed");
}

BOOST_AUTO_TEST_CASE(a_directory_link_that_is_swapped_is_a_change_and_so_is_what_comes_after) {
    Watched one("current");
    for (const char* name : {"one", "two"}) {
        fs::create_directory(one.folder.path(name));
        one.write(std::string(name) + "/a.ndb", name);
    }
    fs::create_symlink("one", one.folder.path("current"));
    one.begin();
    one.point("current", "two");
    one.wait_settled("the link was swapped");
    one.write("two/a.ndb", "more");
    one.wait_settled("what it leads to now has changed");
    one.write("one/a.ndb", "no longer of interest");
    one.loop.settle();
    one.point("current", one.folder.path("one"));
    one.wait_settled("it was swapped back");
    one.write("one/b.ndb", "new");
    one.wait_settled("a file came");
}

BOOST_AUTO_TEST_CASE(a_link_on_the_way_that_is_swapped_is_a_change) {
    Watched one("releases/current/db");
    for (const char* name : {"releases/1/db", "releases/2/db"}) {
        fs::create_directories(one.folder.path(name));
        one.write(std::string(name) + "/a.ndb", name);
    }
    fs::create_symlink("1", one.folder.path("releases/current"));
    one.begin();
    one.point("releases/current", "2");
    one.wait_settled("the release was swapped");
    one.write("releases/2/db/a.ndb", "more");
    one.wait_settled("and changed");
}

BOOST_AUTO_TEST_CASE(a_volume_of_kubernetes_is_seen_to_change) {
    // Files are links to ..data/NAME, and ..data is a link to a folder that is swapped for another.
    Watched one;
    fs::create_directories(one.folder.path("db/..2026_1"));
    one.write("db/..2026_1/a.ndb", "a");
    fs::create_symlink("..2026_1", one.folder.path("db/..data"));
    fs::create_symlink("..data/a.ndb", one.folder.path("db/a.ndb"));
    one.begin();
    for (const char* next : {"..2026_2", "..2026_3"}) {
        fs::create_directory(one.folder.path(std::string("db/") + next));
        one.write(std::string("db/") + next + "/a.ndb", next);
        one.point("db/..data", next);
        one.wait_settled("the volume was updated");
    }
}

BOOST_AUTO_TEST_CASE(a_directory_that_comes_late_or_comes_back_is_a_change) {
    Watched one("db", 100ms);
    one.begin();
    BOOST_TEST(one.troubles.size() == 1U);
    fs::create_directory(one.folder.path("db"));
    one.write("db/a.ndb", "a");
    one.wait_settled("it came");
    one.loop.until("it is watched", [&] { return one.troubles.back().empty(); });
    fs::rename(one.folder.path("db"), one.folder.path("old"));
    one.loop.until("it is missed", [&] { return !one.troubles.back().empty(); });
    fs::rename(one.folder.path("old"), one.folder.path("db"));
    one.write("db/b.ndb", "b");
    one.wait_settled("it is back");
}

BOOST_AUTO_TEST_CASE(what_inotify_cannot_see_is_seen_by_a_look) {
    Watched one("db", 100ms);
    for (const char* name : {"db", "elsewhere"}) fs::create_directory(one.folder.path(name));
    one.write("db/a.ndb", "a");
    // The kernel tells of a change in the folder by whose name the file was opened.
    fs::create_hard_link(one.folder.path("db/a.ndb"), one.folder.path("elsewhere/a.ndb"));
    one.begin();
    one.loop.settle();
    one.write("elsewhere/a.ndb", "more");
    one.wait_settled("the look has seen it");
    BOOST_TEST(one.troubles.empty());
}

BOOST_AUTO_TEST_CASE(where_there_is_no_inotify_that_is_told_and_looks_go_on) {
    Watched one("db", 50ms);
    fs::create_directory(one.folder.path("db"));
    one.write("db/a.ndb", "a");
    rlimit before{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int next = ::dup(STDIN_FILENO);
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    one.begin();
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    BOOST_REQUIRE(one.troubles.size() == 1U);
    BOOST_TEST(one.troubles.front().find("Too many open files") != std::string::npos);
    one.wait_settled("a look found the directory");
    BOOST_TEST(one.troubles.back().empty());
}

BOOST_AUTO_TEST_CASE(the_way_of_a_path_are_its_links_and_its_end) {
    const evermilter::supervisor::test::Folder folder;
    const std::string root = folder.path("");
    fs::create_directories(folder.path("a/b"));
    fs::create_symlink("a", folder.path("link"));
    fs::create_symlink("loop", folder.path("loop"));
    const auto has = [&](const std::string& path, const std::string& in, const std::string& name) {
        return places_on_the_way(folder.path(path))
            .contains({fs::path(folder.path(in)).lexically_normal().parent_path(), name});
    };
    BOOST_TEST(has("link/b", "x", "link"));
    BOOST_TEST(has("link/b", "a/x", "b"));
    BOOST_TEST(!has("a/b", "x", "a"));
    BOOST_TEST(has("link/b/../b/missing/further", "a/b/x", "missing"));
    BOOST_TEST(has("loop", "x", "loop")); // and it ends
}

BOOST_AUTO_TEST_SUITE_END()
