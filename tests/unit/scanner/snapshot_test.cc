#include "workers/scanner/snapshot.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/support/command.h"
#include "tests/support/proc.h"
#include "tests/support/report.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;

struct Folders {
    Folders() {
        fs::create_directories(folder / "from");
        fs::create_directories(folder / "to");
    }
    void write(const std::string& name, const std::string& content) const {
        test::write_file(folder / ("from/" + name), content);
    }
    Result<Snapshot, Refusal> take(const std::function<void()>& between = {}) const {
        return take_snapshot(folder / "from", folder / "to", Want::all, between);
    }
    std::string taken(const std::string& name) const { return test::read_file(folder / ("to/" + name)); }
    test::Folder folder;
};

int code(const Result<Snapshot, Refusal>& outcome) {
    return outcome.ok() ? 0 : outcome.error().exit_code;
}

} // namespace

BOOST_AUTO_TEST_SUITE(snapshot)

BOOST_FIXTURE_TEST_CASE(databases_are_copied_and_nothing_else, Folders) {
    write("daily.cvd", "a container");
    write("local.ndb", "a text");
    write("freshclam.dat", "state");
    write("daily.cvd.sign", "signature");
    fs::create_directory(folder / "from/tmp.0123456789");
    test::write_file(folder / "from/tmp.0123456789/half.cvd", "half");
    const auto snapshot = take();
    BOOST_REQUIRE(code(snapshot) == 0);
    BOOST_TEST(test::entries_below(folder / "to") == (std::vector<std::string>{"daily.cvd", "local.ndb"}),
               boost::test_tools::per_element());
    BOOST_TEST(snapshot->databases == (std::vector<std::string>{"daily", "local.ndb"}),
               boost::test_tools::per_element());
    BOOST_TEST(taken("local.ndb") == "a text");
}

BOOST_FIXTURE_TEST_CASE(a_file_edited_in_place_afterwards_does_not_change_the_snapshot, Folders) {
    write("local.ndb", "before");
    BOOST_REQUIRE(code(take()) == 0);
    write("local.ndb", "after!");
    BOOST_TEST(taken("local.ndb") == "before");
}

BOOST_FIXTURE_TEST_CASE(what_changes_meanwhile_is_copied_again_until_nothing_changed, Folders) {
    write("a.ndb", "old a");
    write("gone.ndb", "old");
    write("same.ndb", "same");
    int looks = 0;
    const auto snapshot = take([&] {
        if (looks++ > 0) return;
        write("a.ndb", "new a, longer");
        write("b.ndb", "new");
        fs::remove(folder / "from/gone.ndb");
    });
    BOOST_REQUIRE(code(snapshot) == 0);
    BOOST_TEST(looks == 2);
    BOOST_TEST(taken("a.ndb") == "new a, longer");
    BOOST_TEST(test::entries_below(folder / "to") == (std::vector<std::string>{"a.ndb", "b.ndb", "same.ndb"}),
               boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_never_rests_is_given_up, Folders) {
    int version = 0;
    const auto snapshot = take([&] { write("a.ndb", "version " + std::to_string(++version)); });
    BOOST_TEST(code(snapshot) == EX_TEMPFAIL);
}

BOOST_FIXTURE_TEST_CASE(the_digest_follows_names_and_contents_and_not_times, Folders) {
    const auto digest = [&] {
        fs::remove_all(folder / "to");
        fs::create_directory(folder / "to");
        const auto snapshot = take();
        BOOST_REQUIRE(code(snapshot) == 0);
        return snapshot->digest;
    };
    write("a.ndb", "one");
    const std::string first = digest();
    BOOST_TEST(first.size() == 64U);
    fs::last_write_time(folder / "from/a.ndb", fs::file_time_type::clock::now() + std::chrono::hours(1));
    BOOST_TEST(digest() == first);
    write("a.ndb", "two");
    BOOST_TEST(digest() != first);
    write("a.ndb", "one");
    BOOST_TEST(digest() == first);
    fs::rename(folder / "from/a.ndb", folder / "from/b.ndb");
    const std::string renamed = digest();
    BOOST_TEST(renamed != first);
    write("c.ndb", "");
    BOOST_TEST(digest() != renamed);
}

BOOST_FIXTURE_TEST_CASE(a_missing_or_empty_directory_is_66_and_named, Folders) {
    write("readme.txt", "no database");
    const auto empty = take();
    BOOST_TEST(code(empty) == EX_NOINPUT);
    BOOST_TEST(empty.error().reason == "no database in " + (folder / "from").string());
    fs::remove_all(folder / "from");
    const auto missing = take();
    BOOST_TEST(code(missing) == EX_NOINPUT);
    BOOST_TEST(missing.error().reason == "cannot read " + (folder / "from").string() + ": No such file or directory");
}

BOOST_FIXTURE_TEST_CASE(an_unreadable_file_is_77_and_named, Folders) {
    if (!test::is_root()) test::not_possible("another user needs root");
    write("good.ndb", "good");
    write("secret.ndb", "secret");
    fs::permissions(folder / "from/secret.ndb", fs::perms::none);
    fs::permissions(folder.path(), fs::perms::all);
    fs::permissions(folder / "to", fs::perms::all);
    // Another user, for this thread only, and back.
    BOOST_REQUIRE(::seteuid(test::nobody().user) == 0);
    const auto snapshot = take();
    BOOST_REQUIRE(::seteuid(0) == 0);
    BOOST_TEST(code(snapshot) == EX_NOPERM);
    BOOST_TEST(snapshot.error().reason ==
               "cannot read " + (folder / "from/secret.ndb").string() + ": Permission denied");
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_is_73_and_named, Folders) {
    if (!test::is_root()) test::not_possible("an own mount needs root");
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", (folder / "to").c_str(), "tmpfs", 0, "size=64k") != 0)
        test::not_possible("this machine allows no mount");
    write("large.ndb", std::string(200000, 'x'));
    const auto snapshot = take();
    BOOST_TEST(code(snapshot) == EX_CANTCREAT);
    BOOST_TEST(snapshot.error().reason ==
               "cannot write the snapshot: " + (folder / "to/large.ndb").string() + ": No space left on device");
    BOOST_TEST(::umount2((folder / "to").c_str(), MNT_DETACH) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
