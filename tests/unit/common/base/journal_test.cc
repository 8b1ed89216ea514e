// Which standard error is the journal's, and what a line for it begins with.
#include "workers/common/base/journal.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

#include "workers/common/base/unique_fd.h"

using evermilter::unique_fd;
using namespace evermilter::log;

namespace {

// The text of JOURNAL_STREAM for a descriptor.
std::string stream_of(int fd) {
    struct stat about {};
    BOOST_TEST_REQUIRE(::fstat(fd, &about) == 0);
    return std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
}

// journal_prefix() of an error where `fd` is standard error; nullptr: the variable is not set.
std::string prefix_at(int fd, const char* stream) {
    const unique_fd saved(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    ::dup2(fd, STDERR_FILENO);
    if (stream != nullptr) ::setenv("JOURNAL_STREAM", stream, 1);
    std::string prefix = journal_prefix(Level::error);
    BOOST_TEST(standard_error_is_journal() == !prefix.empty());
    ::unsetenv("JOURNAL_STREAM");
    ::dup2(saved.get(), STDERR_FILENO);
    return prefix;
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal)

BOOST_AUTO_TEST_CASE(it_is_known_by_device_and_inode_and_nothing_else_is_taken_for_it) {
    std::array<int, 2> pipe{};
    std::array<int, 2> stream{};
    BOOST_TEST_REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream.data()) == 0);
    const std::array<unique_fd, 4> all = {unique_fd(pipe[1]), unique_fd(stream[1]), unique_fd(pipe[0]),
                                          unique_fd(stream[0])};
    for (const int fd : {all[0].get(), all[1].get()}) {
        const std::string own = stream_of(fd);
        BOOST_TEST(prefix_at(fd, own.c_str()) == "<3>");
        BOOST_TEST(prefix_at(fd, nullptr) == "");
        for (const std::string& wrong : {stream_of(STDIN_FILENO), std::string(), std::string(":"), "x" + own, own + "x",
                                         own + "0", own.substr(0, own.find(':')), std::string("-1:-1")})
            BOOST_TEST(prefix_at(fd, wrong.c_str()) == "", wrong);
    }
}

BOOST_AUTO_TEST_CASE(levels_are_those_of_syslog) {
    BOOST_TEST(priority(Level::error) == 3);
    BOOST_TEST(priority(Level::warning) == 4);
    BOOST_TEST(priority(Level::info) == 6);
    BOOST_TEST(priority(Level::debug) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
