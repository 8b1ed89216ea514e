// What becomes of lines for standard error when nobody reads them, and of those who write there too.
#include "workers/common/base/standard_error.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>

#include "tests/support/service.h"

namespace evermilter {
namespace {

using std::chrono::milliseconds;

// Standard error is another descriptor for the time of a test.
struct Replaced {
    explicit Replaced(int fd) : saved(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)), heard(::signal(SIGPIPE, SIG_IGN)) {
        ::dup2(fd, STDERR_FILENO);
    }
    ~Replaced() {
        ::dup2(saved.get(), STDERR_FILENO);
        (void)::signal(SIGPIPE, heard);
    }
    unique_fd saved;
    void (*heard)(int);
};

struct Pair {
    unique_fd reading;
    unique_fd writing;
};
Pair make_pipe() {
    std::array<int, 2> ends{};
    BOOST_TEST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {unique_fd(ends[0]), unique_fd(ends[1])};
}
Pair make_stream() {
    std::array<int, 2> ends{};
    BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return {unique_fd(ends[0]), unique_fd(ends[1])};
}

bool put(const std::string& line) {
    return write_standard_error(line, milliseconds::zero());
}
std::string read_some(int fd) {
    std::string text(1 << 20U, '\0');
    const ssize_t got = ::read(fd, text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}
const std::string kLine(4095, 'x');

} // namespace

BOOST_AUTO_TEST_SUITE(standard_error)

BOOST_AUTO_TEST_CASE(a_reader_that_reads_nothing_costs_lines_and_no_time_and_gets_whole_ones_later) {
    for (const bool socket : {false, true}) {
        for (const bool own : {false, true}) {
            const Pair pair = socket ? make_stream() : make_pipe();
            const Replaced replaced(pair.writing.get());
            if (own) own_standard_error();
            int taken = 0;
            while (put(kLine + "\n")) ++taken;
            BOOST_TEST(taken > 0);
            std::string said;
            while (taken > 0) {
                const std::string more = read_some(pair.reading.get());
                BOOST_TEST_REQUIRE(!more.empty());
                said += more;
                if (said.size() >= static_cast<std::size_t>(taken) * 4096) break;
            }
            for (std::size_t at = 4095; at < static_cast<std::size_t>(taken) * 4096; at += 4096)
                BOOST_TEST(said[at] == '\n');
            BOOST_TEST(put("again\n"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_reader_that_has_gone_costs_lines_only) {
    for (const bool socket : {false, true}) {
        Pair pair = socket ? make_stream() : make_pipe();
        const Replaced replaced(pair.writing.get());
        own_standard_error();
        pair.reading.reset();
        BOOST_TEST(!put("lost\n"));
        BOOST_TEST(!put("lost too\n"));
    }
}

BOOST_AUTO_TEST_CASE(a_named_pipe_is_written_again_when_there_is_a_reader_again) {
    const test::Folder folder;
    const std::string path = folder.path() / "pipe";
    BOOST_TEST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    unique_fd reading(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const unique_fd writing(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const Replaced replaced(writing.get());
    own_standard_error();
    BOOST_TEST(put("one\n"));
    BOOST_TEST(read_some(reading.get()) == "one\n");
    reading.reset();
    BOOST_TEST(!put("two\n"));
    reading.reset(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    BOOST_TEST(put("three\n"));
    BOOST_TEST(read_some(reading.get()) == "three\n");
}

BOOST_AUTO_TEST_CASE(who_else_writes_to_the_pipe_keeps_his_own_flags) {
    const Pair pair = make_pipe();
    const Replaced replaced(pair.writing.get());
    own_standard_error();
    BOOST_TEST((::fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) != 0);
    BOOST_TEST((::fcntl(pair.writing.get(), F_GETFL) & O_NONBLOCK) == 0);
    BOOST_TEST((::fcntl(pair.reading.get(), F_GETFL) & O_NONBLOCK) == 0);
}

BOOST_AUTO_TEST_CASE(a_file_is_appended_to_and_not_opened_anew) {
    const test::Folder folder;
    const std::string path = folder.path() / "file";
    const unique_fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    BOOST_TEST_REQUIRE(::write(file.get(), "before\n", 7) == 7);
    {
        const Replaced replaced(file.get());
        own_standard_error();
        BOOST_TEST(put("after\n"));
    }
    BOOST_TEST(test::read_file(path) == "before\nafter\n");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter
