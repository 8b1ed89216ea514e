// The number of CPUs under an affinity mask.
#include "workers/common/base/usable_cpus.h"

#include <sched.h>

#include <boost/test/unit_test.hpp>
#include <thread>

using evermilter::usable_cpus;

BOOST_AUTO_TEST_SUITE(usable_cpus_test)

BOOST_AUTO_TEST_CASE(only_the_cpus_of_the_affinity_mask_count) {
    cpu_set_t whole;
    BOOST_REQUIRE(::sched_getaffinity(0, sizeof whole, &whole) == 0);
    BOOST_TEST(usable_cpus() == static_cast<unsigned>(CPU_COUNT(&whole)));
    cpu_set_t one;
    CPU_ZERO(&one);
    for (unsigned cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
        if (CPU_ISSET(cpu, &whole)) CPU_SET(cpu, &one);
    unsigned seen = 0;
    bool bound = false;
    // A mask is a thread's.
    std::thread([&] {
        bound = ::sched_setaffinity(0, sizeof one, &one) == 0;
        seen = usable_cpus();
    }).join();
    BOOST_TEST(bound);
    BOOST_TEST(seen == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
