#include "workers/scanner/temp_directory.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/support/command.h"
#include "tests/support/proc.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;

dev_t device(const fs::path& path) {
    struct stat status {};
    BOOST_REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_dev;
}

} // namespace

BOOST_AUTO_TEST_SUITE(temp_directory)

BOOST_AUTO_TEST_CASE(a_tree_is_removed_with_its_links_and_not_with_what_they_name) {
    const test::Folder folder;
    fs::create_directories(folder.path() / "tree/a/b");
    fs::create_directories(folder.path() / "kept");
    test::write_file(folder.path() / "kept/file", "x");
    test::write_file(folder.path() / "tree/a/b/file", "x");
    fs::create_directory_symlink(folder.path() / "kept", folder.path() / "tree/a/link");
    BOOST_TEST(remove_tree(folder.path() / "tree").ok());
    BOOST_TEST(!fs::exists(folder.path() / "tree"));
    BOOST_TEST(fs::exists(folder.path() / "kept/file"));
    BOOST_TEST(remove_tree(folder.path() / "tree").ok()); // and is none then
}

// overlayfs over two file systems, as on a live system: a file has another st_dev than its folder.
BOOST_AUTO_TEST_CASE(a_tree_is_removed_whole_where_files_are_on_another_device_than_their_folder) {
    if (!test::is_root()) test::not_possible("an own mount needs root");
    const test::Folder folder;
    const std::string root = folder.path();
    for (const char* name : {"/lower", "/memory", "/all"}) fs::create_directory(root + name);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", (root + "/memory").c_str(), "tmpfs", 0, "size=1m") != 0)
        test::not_possible("this machine allows no mount");
    for (const char* name : {"/memory/upper", "/memory/work"}) fs::create_directory(root + name);
    const std::string layers =
        "lowerdir=" + root + "/lower,upperdir=" + root + "/memory/upper,workdir=" + root + "/memory/work,xino=off";
    if (::mount("overlay", (root + "/all").c_str(), "overlay", 0, layers.c_str()) != 0)
        test::not_possible("this machine allows no mount");
    const fs::path tree = root + "/all/tree";
    fs::create_directories(tree / "below");
    test::write_file(tree / "file", "x");
    test::write_file(tree / "below/file", "x");
    BOOST_TEST(device(tree / "file") != device(tree)); // else nothing is shown
    const auto removed = remove_tree(tree);
    BOOST_TEST(removed.ok(), (removed.ok() ? "" : removed.error().what));
    BOOST_TEST(!fs::exists(tree));
    BOOST_TEST(make_empty_directory(tree).ok());
    BOOST_TEST(::umount2((root + "/all").c_str(), MNT_DETACH) == 0);
    BOOST_TEST(::umount2((root + "/memory").c_str(), MNT_DETACH) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
