// What the system's log gets, and what it cannot do to us.
#include "workers/common/base/syslog_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>

#include "tests/support/service.h"

namespace {

using evermilter::unique_fd;
using evermilter::log::SyslogSocket;
using std::chrono::milliseconds;

// A log's daemon, as far as its socket goes.
struct Daemon {
    void start() {
        socket.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ::unlink(path.c_str());
        BOOST_TEST_REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    // What has come; empty: nothing.
    [[nodiscard]] std::string read() const {
        std::array<char, 4096> buffer{};
        const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    }
    evermilter::test::Folder folder;
    std::string path = folder.path() / "log";
    unique_fd socket;
    SyslogSocket log{path};
};

} // namespace

BOOST_AUTO_TEST_SUITE(syslog_socket)

BOOST_FIXTURE_TEST_CASE(a_line_comes_with_priority_time_name_and_pid, Daemon) {
    start();
    BOOST_TEST(log.send(LOG_MAIL | LOG_WARNING, "event=x 100%s", milliseconds(0)));
    const std::string line = read();
    BOOST_TEST(line.starts_with("<20>"), line);
    BOOST_TEST(line.ends_with(" evermilter[" + std::to_string(::getpid()) + "]: event=x 100%s"), line);
    BOOST_TEST(line.size() == std::string("<20>Nov 21 09:08:07 evermilter[]: event=x 100%s").size() +
                                  std::to_string(::getpid()).size());
}

BOOST_FIXTURE_TEST_CASE(a_daemon_that_does_not_read_holds_nobody_up, Daemon) {
    start();
    int through = 0;
    while (through < 100'000 && log.send(LOG_INFO, "line", milliseconds(0))) ++through;
    BOOST_TEST(through < 100'000);
    BOOST_TEST(!log.send(LOG_INFO, "line", milliseconds(20)));
    for (int i = 0; i < through; ++i) BOOST_TEST(!read().empty());
    BOOST_TEST(log.send(LOG_INFO, "again", milliseconds(0)));
    BOOST_TEST(read().ends_with(": again"));
}

BOOST_FIXTURE_TEST_CASE(lines_go_to_the_daemon_that_is_there_now, Daemon) {
    BOOST_TEST(!log.send(LOG_INFO, "nobody", milliseconds(0)));
    for (int round = 0; round < 2; ++round) {
        start();
        BOOST_TEST(log.send(LOG_INFO, "line", milliseconds(0)));
        BOOST_TEST(read().ends_with(": line"));
        socket.reset();
        BOOST_TEST(!log.send(LOG_INFO, "between", milliseconds(0)));
    }
}

BOOST_AUTO_TEST_SUITE_END()
