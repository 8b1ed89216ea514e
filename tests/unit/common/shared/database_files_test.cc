#include "workers/common/shared/database_files.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/support/folder.h"
#include "tests/support/proc.h"

namespace evermilter::scanner {

BOOST_AUTO_TEST_SUITE(database_files)

BOOST_AUTO_TEST_CASE(what_libclamav_loads_is_a_database_and_nothing_else) {
    for (const char* name :
         {"main.cvd", "daily.cld", "x.cud", "x.hdb",  "x.HSB", "x.hdu", "x.hsu", "x.mdb", "x.msb", "x.mdu",
          "x.msu",    "x.ndb",     "x.ndu", "x.ldb",  "x.ldu", "x.sdb", "x.zmd", "x.rmd", "x.idb", "x.fp",
          "x.sfp",    "x.gdb",     "x.pdb", "x.wdb",  "x.cbc", "x.cdb", "x.cat", "x.crb", "x.imp", "x.pwdb",
          "x.ign",    "x.ign2",    "x.yar", "x.yara", "x.cfg", "x.ftm", "x.db",  "x.ioc"})
        BOOST_TEST(is_database_file(name), name);
    for (const char* name : {"freshclam.dat", "daily.cvd.sign", "tmp.0123456789", "mirrors.dat", "x.info", "COPYING",
                             "x.ndb.tmp", "x.ndb~", "", "cvd"})
        BOOST_TEST(!is_database_file(name), name);
}

BOOST_AUTO_TEST_CASE(a_container_is_the_same_database_as_cvd_cld_and_cud) {
    BOOST_TEST(database_name("daily.cvd") == "daily");
    BOOST_TEST(database_name("daily.cld") == "daily");
    BOOST_TEST(database_name("safe.cud") == "safe");
    BOOST_TEST(database_name("local.hdb") == "local.hdb");
    BOOST_TEST(database_name("local.ndb") == "local.ndb");
}

BOOST_AUTO_TEST_CASE(only_files_count_and_a_link_is_what_it_points_to) {
    const test::Folder folder;
    test::write_file(folder / "b.ndb", "one");
    test::write_file(folder / "other", "linked");
    std::filesystem::create_symlink(folder / "other", folder / "a.ndb");
    std::filesystem::create_symlink(folder / "nothing", folder / "dangling.ndb");
    std::filesystem::create_directory(folder / "folder.ndb");
    const auto files = list_database_files(folder.path());
    BOOST_REQUIRE(files.ok());
    BOOST_REQUIRE(files->size() == 2U);
    BOOST_TEST((*files)[0].name == "a.ndb");
    BOOST_TEST((*files)[0].size == 6);
    BOOST_TEST((*files)[1].name == "b.ndb");
}

BOOST_AUTO_TEST_CASE(a_link_that_cannot_be_followed_hides_no_other_file) {
    const test::Folder folder;
    test::write_file(folder / "a.ndb", "one");
    std::filesystem::create_symlink("loop.ndb", folder / "loop.ndb");
    std::filesystem::create_symlink("a.ndb/further", folder / "nowhere.ndb");
    const auto files = list_database_files(folder.path());
    BOOST_REQUIRE(files.ok());
    BOOST_REQUIRE(files->size() == 2U);
    BOOST_TEST((*files)[0].name == "a.ndb");
    BOOST_TEST((*files)[1].name == "loop.ndb");
    BOOST_TEST((*files)[1].inode == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
