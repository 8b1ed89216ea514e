// Promises of the inserted commands: libmilter reads what is missing, the connection keeps every byte of the MTA's, and
// the MTA sees no answer to what it has not sent.
#include "workers/session/libmilter/inserted_commands.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

namespace evermilter::session {
namespace {

using namespace std::string_view_literals;

std::string read_from(int fd) {
    std::array<char, 64> buffer{};
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return got <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(got));
}

struct Connection {
    Connection() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        milter.reset(ends[0]);
        mta.reset(ends[1]);
    }
    void mta_sends(std::string_view bytes) const {
        BOOST_REQUIRE(::send(mta.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    }
    unique_fd milter;
    unique_fd mta;
};

BOOST_AUTO_TEST_SUITE(inserted_commands_test)

// A conversation as letters of SMFIC_, lower case where the answer is a refusal; how many of them libmilter takes.
std::size_t taken(std::string_view commands) {
    char last = '\0';
    bool in_message = false;
    std::size_t count = 0;
    for (const char one : commands) {
        const bool refused = one >= 'a';
        const char command = refused ? static_cast<char>(one - 'a' + 'A') : one;
        if (is_dropped(last, in_message, command)) break;
        last = command;
        if (command == 'M') in_message = !refused;
        if (std::string_view("TEAKQH").find(command) != std::string_view::npos)
            in_message = in_message && command == 'T' && !refused;
        ++count;
    }
    return count;
}

BOOST_AUTO_TEST_CASE(what_libmilter_takes_is_not_dropped_and_what_it_would_drop_is_known) {
    // As mail servers speak, with recipients that are refused, aborts, and new sessions.
    for (const std::string_view good :
         {"OCHMRTLLNBBE"sv, "OCMRTLNBE"sv, "OCHMRRRTLNE"sv, "OCHMRrTNBE"sv, "OCHMRLNBEMRLNBE"sv, "OCHMRTE"sv,
          "OCHMRTLE"sv, "OCHMRTBE"sv, "OCHMRTLNBeMRTNBE"sv, "OCHmMRtMRTNBE"sv, "OCHMAMRAMRTAMRTLAMRTNBAMRTNBE"sv,
          "OCHMRTNBEKCHMRTNBE"sv, "OCHMRTKCHMRTNBE"sv, "OKCHMRTNE"sv, "OCHHMHMRTNEHMQ"sv, "OCHMMRTNE"sv})
        BOOST_TEST(taken(good) == good.size(), good);
    // The last one of each is dropped.
    for (const std::string_view bad :
         {"OO"sv,       "OCC"sv,      "OCHC"sv,      "OR"sv,       "OCHR"sv,     "OCHT"sv,
          "OCHL"sv,     "OCHN"sv,     "OCHB"sv,      "OCHE"sv,     "OCHMT"sv,    "OCHML"sv,
          "OCHMN"sv,    "OCHMB"sv,    "OCHME"sv,     "OCHmR"sv,    "OCHmE"sv,    "OCHMRtL"sv,
          "OCHMRtE"sv,  "OCHMRTT"sv,  "OCHMRTR"sv,   "OCHMRTLR"sv, "OCHMRTLT"sv, "OCHMRTNL"sv,
          "OCHMRTNN"sv, "OCHMRTBN"sv, "OCHMRTNBL"sv, "OCHMRTEE"sv, "OCHMRTER"sv, "OCHMRTEB"sv,
          "OCHMRAR"sv,  "OCHMRAE"sv,  "OCHMRTHE"sv,  "OCHMRTKE"sv, "OCHMRTO"sv,  "OCHMRTC"sv})
        BOOST_TEST(taken(bad) == bad.size() - 1, bad);
}

BOOST_AUTO_TEST_CASE(an_end_of_headers_is_missing_before_body_and_end_of_message_only) {
    for (const char last : {'T', 'L'})
        for (const char next : {'B', 'E'}) BOOST_TEST((missing_commands(last, next).packets == "\0\0\0\1N"sv));
    BOOST_TEST(missing_commands('R', 'E').packets.empty());
    BOOST_TEST(missing_commands('N', 'E').packets.empty());
    BOOST_TEST(missing_commands('B', 'E').packets.empty());
    BOOST_TEST(missing_commands('T', 'L').packets.empty());
    BOOST_TEST(missing_commands('T', 'A').packets.empty());
    BOOST_TEST(missing_commands('T', 'Q').packets.empty());
}

BOOST_AUTO_TEST_CASE(quit_nc_is_led_to_from_everywhere) {
    for (const char last : {'\0', 'O', 'C', 'H', 'M', 'R', 'T', 'L', 'N', 'B', 'E', 'A', 'K'}) {
        const MissingCommands missing = missing_commands(last, 'K');
        BOOST_TEST(missing.packets.ends_with("\0\0\0\1K"sv));
        BOOST_TEST(missing.takes_command);
    }
}

BOOST_AUTO_TEST_CASE(the_connection_comes_back_with_all_that_the_mta_sent) {
    const Connection connection;
    connection.mta_sends("\0\0\0\1E"sv);
    auto begun = InsertedCommands::begin(connection.milter.get(), "\0\0\0\1N"sv);
    BOOST_REQUIRE(begun.ok());
    BOOST_TEST(!begun->over(connection.milter.get()));
    BOOST_TEST((read_from(connection.milter.get()) == "\0\0\0\1N"sv));
    BOOST_TEST(begun->over(connection.milter.get()));
    // libmilter's answer to it goes nowhere.
    BOOST_TEST(::send(connection.milter.get(), "\0\0\0\1c", 5, 0) == 5);
    BOOST_REQUIRE(begun->end(connection.milter.get()).ok());
    BOOST_TEST((read_from(connection.milter.get()) == "\0\0\0\1E"sv));
    BOOST_TEST(read_from(connection.mta.get()).empty());
}

// After any other answer than to continue libmilter drops the command that follows: the MTA would wait for ever.
BOOST_AUTO_TEST_CASE(an_answer_that_does_not_continue_ends_the_session) {
    for (const char answer : {'t', 'r', 'a', 'd'}) {
        const Connection connection;
        connection.mta_sends("\0\0\0\1E"sv);
        auto begun = InsertedCommands::begin(connection.milter.get(), "\0\0\0\1N"sv);
        BOOST_REQUIRE(begun.ok());
        (void)read_from(connection.milter.get());
        const std::string packet = std::string("\0\0\0\1"sv) + answer;
        BOOST_TEST(::send(connection.milter.get(), packet.data(), packet.size(), 0) == 5);
        BOOST_TEST(!begun->end(connection.milter.get()).ok());
    }
}

BOOST_AUTO_TEST_CASE(a_command_that_is_among_the_missing_ones_is_not_read_twice) {
    const Connection connection;
    connection.mta_sends("\0\0\0\1K\0\0\0\1X"sv);
    auto begun = InsertedCommands::begin(connection.milter.get(), missing_commands('H', 'K').packets);
    BOOST_REQUIRE(begun.ok());
    begun->skip_packet();
    BOOST_REQUIRE(begun->end(connection.milter.get()).ok());
    BOOST_TEST((read_from(connection.milter.get()) == "\0\0\0\1X"sv));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session
