#include "workers/scanner/libclamav/seed.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <set>

namespace evermilter::scanner {

BOOST_AUTO_TEST_SUITE(seed)

BOOST_AUTO_TEST_CASE(processes_forked_from_one_state_draw_different_names) {
    std::srand(1);
    std::set<int> drawn;
    for (int i = 0; i < 8; ++i) {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::pipe(ends.data()) == 0);
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            seed_random();
            const int number = std::rand();
            ::_exit(::write(ends[1], &number, sizeof number) == static_cast<ssize_t>(sizeof number) ? 0 : 1);
        }
        int number = 0;
        BOOST_TEST(::read(ends[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number));
        BOOST_TEST(::waitpid(child, nullptr, 0) == child);
        ::close(ends[0]);
        ::close(ends[1]);
        drawn.insert(number);
    }
    BOOST_TEST(drawn.size() == 8U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
