// Ids of generations, kept in a file.
#include "workers/common/shared/generation_id.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/service.h"

using evermilter::last_generation_id;
using evermilter::record_generation_id;

namespace {

struct State {
    evermilter::test::Folder folder;
    std::string path = folder.path();
    std::string file = path + "/generation";
};

} // namespace

BOOST_AUTO_TEST_SUITE(generation_id)

BOOST_AUTO_TEST_CASE(the_last_that_was_recorded_is_read_again) {
    const State state;
    BOOST_TEST(*last_generation_id(state.path) == 0U);
    for (const std::uint64_t id : {1U, 2U, 7U}) {
        BOOST_REQUIRE(record_generation_id(state.path, id).ok());
        BOOST_TEST(*last_generation_id(state.path) == id);
    }
}

BOOST_AUTO_TEST_CASE(what_a_loader_left_that_was_killed_is_replaced) {
    const State state;
    std::ofstream(state.file + ".new") << "1";
    BOOST_REQUIRE(record_generation_id(state.path, 23).ok());
    BOOST_TEST(*last_generation_id(state.path) == 23U);
    BOOST_TEST(!std::filesystem::exists(state.file + ".new"));
}

BOOST_AUTO_TEST_CASE(a_file_that_holds_no_id_is_refused_rather_than_begun_anew) {
    for (const char* text : {"", "zwei", "12 monkeys", "-1", "99999999999999999999999"}) {
        const State state;
        std::ofstream(state.file) << text;
        BOOST_TEST_CONTEXT("\"" << text << "\"") {
            const auto id = last_generation_id(state.path);
            BOOST_REQUIRE(!id.ok());
            BOOST_TEST(id.error().what.find(state.file) != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_link_in_the_folder_is_not_followed) {
    const State state;
    const std::string elsewhere = state.path + "/elsewhere";
    std::ofstream(elsewhere) << "77\n";
    std::filesystem::create_symlink(elsewhere, state.file);
    BOOST_TEST(!last_generation_id(state.path).ok());
    std::filesystem::create_symlink(elsewhere, state.file + ".new");
    BOOST_REQUIRE(record_generation_id(state.path, 78).ok());
    BOOST_TEST(*last_generation_id(state.path) == 78U);
    std::ifstream untouched(elsewhere);
    std::uint64_t kept = 0;
    untouched >> kept;
    BOOST_TEST(kept == 77U);
}

BOOST_AUTO_TEST_CASE(a_number_that_no_service_reaches_is_damage_and_names_the_file) {
    const State state;
    for (const char* text : {"9223372036854775807\n", "9223372036854775808\n", "18446744073709551615\n",
                             "18446744073709551616\n", "1000000000000001\n"}) {
        std::ofstream(state.file) << text;
        const auto id = last_generation_id(state.path);
        BOOST_REQUIRE(!id.ok());
        BOOST_TEST(id.error().what.find(state.file) == 0U);
    }
    std::ofstream(state.file) << "1000000000000000\n";
    BOOST_TEST(last_generation_id(state.path).ok());
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_missing_is_named) {
    const auto recorded = record_generation_id("/nonexistent/evermilter", 1);
    BOOST_REQUIRE(!recorded.ok());
    BOOST_TEST(recorded.error().what.find("/nonexistent/evermilter") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
