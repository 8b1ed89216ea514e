// Our own descriptor of a connection: closed once for one reason, and what the mail server at its other end does.
#include "workers/session/session_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>

namespace evermilter::session {
namespace {

struct Fixture {
    Fixture() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        libmilter.reset(ends[0]);
        mta.reset(ends[1]);
    }
    unique_fd libmilter;
    unique_fd mta;
};

BOOST_FIXTURE_TEST_SUITE(session_connection_test, Fixture)

BOOST_AUTO_TEST_CASE(a_shutdown_ends_the_connection_for_both_and_its_first_reason_counts) {
    SessionConnection connection(unique_fd(::dup(libmilter.get())));
    BOOST_TEST(!connection.closed());
    BOOST_TEST(connection.closed_for() == nullptr);
    connection.shut_down("first");
    connection.shut_down("second");
    BOOST_TEST(connection.closed());
    BOOST_TEST(connection.closed_for() == std::string("first"));
    char byte = 0;
    BOOST_TEST(::recv(libmilter.get(), &byte, 1, MSG_DONTWAIT) == 0);
    BOOST_TEST(::recv(mta.get(), &byte, 1, MSG_DONTWAIT) == 0);
}

BOOST_AUTO_TEST_CASE(it_is_released_once_and_touches_nothing_afterwards) {
    SessionConnection connection(unique_fd(::dup(libmilter.get())));
    BOOST_TEST(connection.release());
    BOOST_TEST(!connection.release());
    connection.shut_down("too late");
    BOOST_TEST(connection.closed());
    BOOST_TEST(connection.closed_for() == nullptr);
    char byte = 0;
    BOOST_TEST(::recv(mta.get(), &byte, 1, MSG_DONTWAIT) == -1); // libmilter's own is open
}

BOOST_AUTO_TEST_CASE(a_mail_server_that_has_hung_up_or_sends_no_more_reads_no_answer) {
    const SessionConnection connection(unique_fd(::dup(libmilter.get())));
    BOOST_TEST(!connection.abandoned());
    ::shutdown(mta.get(), SHUT_WR);
    BOOST_TEST(connection.abandoned());
}

BOOST_AUTO_TEST_CASE(one_that_takes_nothing_is_known_from_one_that_has_gone) {
    SessionConnection connection(unique_fd(::dup(libmilter.get())));
    BOOST_TEST(!connection.reads_nothing());
    const std::string bytes(4096, 'x');
    while (::send(libmilter.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
    BOOST_TEST(connection.reads_nothing());
    connection.shut_down("over");
    BOOST_TEST(!connection.reads_nothing());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session
