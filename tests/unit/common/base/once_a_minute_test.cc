// One line a minute, with the number of those that were left out.
#include "workers/common/base/once_a_minute.h"

#include <boost/test/unit_test.hpp>

using evermilter::OnceAMinute;
using evermilter::SteadyTime;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(once_a_minute)

BOOST_AUTO_TEST_CASE(the_first_of_a_minute_passes_and_tells_how_many_did_not) {
    OnceAMinute lines;
    const SteadyTime now{};
    BOOST_TEST(lines.pass(now).value_or(99) == 0U);
    for (int i = 0; i < 5; ++i) BOOST_TEST(!lines.pass(now + 59s).has_value());
    BOOST_TEST(lines.pass(now + 60s).value_or(99) == 5U);
    BOOST_TEST(!lines.pass(now + 119s).has_value());
    BOOST_TEST(lines.pass(now + 120s).value_or(99) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
