#include "workers/common/base/oom_score.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/support/in_child.h"
#include "tests/support/proc.h"

namespace {

int own_score() {
    return std::stoi(evermilter::test::read_file("/proc/self/oom_score_adj"));
}

} // namespace

using evermilter::test::holds_in_child;

BOOST_AUTO_TEST_SUITE(oom_score)

BOOST_AUTO_TEST_CASE(it_is_raised_above_what_it_was) {
    BOOST_TEST(holds_in_child([] {
        const int before = own_score();
        evermilter::raise_oom_score(100);
        const bool first = own_score() == std::min(before + 100, 1000);
        evermilter::raise_oom_score(200);
        return first && own_score() == std::min(before + 300, 1000);
    }));
}

BOOST_AUTO_TEST_CASE(it_stops_at_the_most_that_the_kernel_knows) {
    BOOST_TEST(holds_in_child([] {
        evermilter::raise_oom_score(900);
        evermilter::raise_oom_score(900);
        return own_score() == 1000;
    }));
}

BOOST_AUTO_TEST_SUITE_END()
