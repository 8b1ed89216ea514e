// A descriptor is closed exactly once, by its one owner.
#include "workers/common/base/unique_fd.h"

#include <fcntl.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

using evermilter::unique_fd;

namespace {

int open_null() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}
bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(unique_fd_)

BOOST_AUTO_TEST_CASE(the_end_of_its_life_closes_it) {
    const int number = open_null();
    {
        const unique_fd fd(number);
        BOOST_TEST(static_cast<bool>(fd));
        BOOST_TEST(fd.get() == number);
    }
    BOOST_TEST(!is_open(number));
}

BOOST_AUTO_TEST_CASE(a_move_leaves_one_owner) {
    const int number = open_null();
    unique_fd first(number);
    unique_fd second(std::move(first));
    BOOST_TEST(!first); // NOLINT(bugprone-use-after-move): the moved-from state is the promise
    BOOST_TEST(second.get() == number);
    unique_fd third(open_null());
    const int replaced = third.get();
    third = std::move(second);
    BOOST_TEST(!is_open(replaced));
    BOOST_TEST(third.get() == number);
    unique_fd& same = third;
    third = std::move(same);
    BOOST_TEST(is_open(number));
}

BOOST_AUTO_TEST_CASE(a_released_descriptor_is_left_open) {
    unique_fd fd(open_null());
    const int number = fd.release();
    fd.reset();
    BOOST_TEST(is_open(number));
    ::close(number);
}

BOOST_AUTO_TEST_CASE(closing_keeps_errno_for_the_error_path) {
    errno = ENOENT;
    unique_fd bad(1 << 20); // close(2) fails with EBADF
    bad.reset();
    BOOST_TEST(errno == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()
