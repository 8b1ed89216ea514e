// What a forked process closes, and what it keeps, whatever the numbers are.
#include "workers/common/base/descriptors.h"

#include <fcntl.h>

#include <boost/test/unit_test.hpp>

#include "tests/support/in_child.h"

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

// Opens 3 to 20.
bool fill() {
    for (int fd = 3; fd <= 20; ++fd)
        if (::dup2(0, fd) != fd) return false;
    return true;
}

template <class... Kept>
bool closes_all_but(Kept... kept) {
    return evermilter::test::holds_in_child([=] {
        if (!fill() || !evermilter::close_all_but({kept...})) return false;
        for (int fd = 0; fd <= 20; ++fd) {
            const bool wanted = fd <= 2 || ((fd == kept) || ...);
            if (is_open(fd) != wanted) return false;
        }
        return true;
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(descriptors)

BOOST_AUTO_TEST_CASE(all_are_closed_but_those_that_are_kept_in_whatever_order_they_are_named) {
    BOOST_TEST(closes_all_but(3));
    BOOST_TEST(closes_all_but(20));
    BOOST_TEST(closes_all_but(3, 4, 5));
    BOOST_TEST(closes_all_but(12, 7, 3));
    BOOST_TEST(closes_all_but(7, 7));
    BOOST_TEST(closes_all_but(-1, 9, -1));
    BOOST_TEST(closes_all_but(0, 1, 2, 5));
    BOOST_TEST(closes_all_but(-1));
}

BOOST_AUTO_TEST_SUITE_END()
