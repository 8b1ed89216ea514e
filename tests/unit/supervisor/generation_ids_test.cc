// Ids of generations, kept in a file.
#include "supervisor/generation_ids.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using evermilter::supervisor::next_generation_id;

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

BOOST_AUTO_TEST_SUITE(generation_ids)

BOOST_AUTO_TEST_CASE(ids_grow_across_restarts) {
    const Folder folder;
    for (std::uint64_t expected = 1; expected < 4; ++expected) {
        const auto id = next_generation_id(folder.path);
        BOOST_REQUIRE(id.ok());
        BOOST_TEST(*id == expected);
    }
}

BOOST_AUTO_TEST_CASE(an_id_is_on_disk_before_it_is_used) {
    const Folder folder;
    BOOST_REQUIRE(next_generation_id(folder.path).ok());
    std::ifstream file(folder.file());
    std::uint64_t kept = 0;
    file >> kept;
    BOOST_TEST(kept == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_that_holds_no_id_is_refused_rather_than_begun_anew) {
    for (const char* text : {"", "zwei", "12 monkeys", "-1", "99999999999999999999999"}) {
        const Folder folder;
        std::ofstream(folder.file()) << text;
        BOOST_TEST_CONTEXT("\"" << text << "\"") {
            const auto id = next_generation_id(folder.path);
            BOOST_REQUIRE(!id.ok());
            BOOST_TEST(id.error().what.find(folder.file()) != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_link_in_the_folder_is_not_followed) {
    const Folder folder;
    std::ofstream(folder.path + "/elsewhere") << "77\n";
    std::filesystem::create_symlink(folder.path + "/elsewhere", folder.file());
    BOOST_TEST(!next_generation_id(folder.path).ok());
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_missing_is_named) {
    const auto id = next_generation_id("/nonexistent/evermilter");
    BOOST_REQUIRE(!id.ok());
    BOOST_TEST(id.error().what.find("/nonexistent/evermilter") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
