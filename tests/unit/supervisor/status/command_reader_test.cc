// Cutting commands out of what a peer of the status socket has sent.
#include "supervisor/status/command_reader.h"

#include <boost/test/unit_test.hpp>
#include <vector>

using namespace evermilter::supervisor;
using namespace std::string_literals;

BOOST_AUTO_TEST_SUITE(command_reader_test)

BOOST_AUTO_TEST_CASE(clamds_words_come_in_all_of_clamds_forms) {
    struct Row {
        std::string bytes;
        std::string text;
        char terminator;
    };
    const std::vector<Row> rows = {
        {"PING", "PING", '\n'},         {"PING\n", "PING", '\n'},
        {"PING\r\n", "PING", '\n'},     {"nPING\n", "PING", '\n'},
        {"zPING\0"s, "PING", '\0'},     {"RELOAD\0"s, "RELOAD", '\n'}, // freshclam
        {"VERSION", "VERSION", '\n'},   {"STATS", "STATS", '\n'},
        {"RELOAD", "RELOAD", '\n'},     {"zNONSENSE\0"s, "NONSENSE", '\0'},
        {"SCAN /x\n", "SCAN /x", '\n'},
    };
    for (const Row& row : rows) {
        std::string input = row.bytes;
        const auto command = take_command(input, false);
        BOOST_REQUIRE_MESSAGE(command.has_value(), row.bytes);
        BOOST_TEST(command->text == row.text);
        BOOST_TEST(command->clamd);
        BOOST_TEST((command->terminator == row.terminator));
        BOOST_TEST(input.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_part_of_a_command_waits_for_its_end) {
    for (const std::string& part :
         {"status"s, "reload --fo"s, "PIN"s, "nPING"s, "zPING"s, "zPING\n"s, "n"s, "z"s, "VERSIO"s}) {
        std::string input = part;
        BOOST_TEST(!take_command(input, false).has_value(), part);
        BOOST_TEST(input == part);
    }
}

BOOST_AUTO_TEST_CASE(lines_are_taken_one_by_one_and_empty_ones_skipped) {
    std::string input = "\n\r\n status \nsessions\nrelo";
    BOOST_TEST(take_command(input, false)->text == "status");
    const auto second = take_command(input, false);
    BOOST_TEST(second->text == "sessions");
    BOOST_TEST(!second->clamd);
    BOOST_TEST(!take_command(input, false).has_value());
    BOOST_TEST(input == "relo");
}

BOOST_AUTO_TEST_CASE(the_end_of_the_input_ends_a_command) {
    std::string input = "status";
    BOOST_TEST(take_command(input, true)->text == "status");
    BOOST_TEST(input.empty());
    input = "zPING";
    BOOST_TEST(take_command(input, true)->text == "PING");
    input = "";
    BOOST_TEST(!take_command(input, true).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
