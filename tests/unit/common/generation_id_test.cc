// Ids of generations, kept in a file.
#include "workers/common/generation_id.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using evermilter::last_generation_id;
using evermilter::record_generation_id;

namespace {

struct Folder {
    std::string path = "/tmp/evermilter-ids-XXXXXX";
    Folder() { BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string file() const { return path + "/generation"; }
};

} // namespace

BOOST_AUTO_TEST_SUITE(generation_id)

BOOST_AUTO_TEST_CASE(the_last_that_was_recorded_is_read_again) {
    const Folder folder;
    BOOST_TEST(*last_generation_id(folder.path) == 0U);
    for (const std::uint64_t id : {1U, 2U, 7U}) {
        BOOST_REQUIRE(record_generation_id(folder.path, id).ok());
        BOOST_TEST(*last_generation_id(folder.path) == id);
    }
}

BOOST_AUTO_TEST_CASE(what_a_loader_left_that_was_killed_is_replaced) {
    const Folder folder;
    std::ofstream(folder.file() + ".new") << "1";
    BOOST_REQUIRE(record_generation_id(folder.path, 23).ok());
    BOOST_TEST(*last_generation_id(folder.path) == 23U);
    BOOST_TEST(!std::filesystem::exists(folder.file() + ".new"));
}

BOOST_AUTO_TEST_CASE(a_file_that_holds_no_id_is_refused_rather_than_begun_anew) {
    for (const char* text : {"", "zwei", "12 monkeys", "-1", "99999999999999999999999"}) {
        const Folder folder;
        std::ofstream(folder.file()) << text;
        BOOST_TEST_CONTEXT("\"" << text << "\"") {
            const auto id = last_generation_id(folder.path);
            BOOST_REQUIRE(!id.ok());
            BOOST_TEST(id.error().what.find(folder.file()) != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_link_in_the_folder_is_not_followed) {
    const Folder folder;
    const std::string elsewhere = folder.path + "/elsewhere";
    std::ofstream(elsewhere) << "77\n";
    std::filesystem::create_symlink(elsewhere, folder.file());
    BOOST_TEST(!last_generation_id(folder.path).ok());
    std::filesystem::create_symlink(elsewhere, folder.file() + ".new");
    BOOST_REQUIRE(record_generation_id(folder.path, 78).ok());
    BOOST_TEST(*last_generation_id(folder.path) == 78U);
    std::ifstream untouched(elsewhere);
    std::uint64_t kept = 0;
    untouched >> kept;
    BOOST_TEST(kept == 77U);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_missing_is_named) {
    const auto recorded = record_generation_id("/nonexistent/evermilter", 1);
    BOOST_REQUIRE(!recorded.ok());
    BOOST_TEST(recorded.error().what.find("/nonexistent/evermilter") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
