// When a load at low priority has waited long enough, and whether it may rise.
#include "workers/scanner/load_priority.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

namespace evermilter::scanner {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(load_priority)

BOOST_AUTO_TEST_CASE(politeness_ends_when_the_load_would_be_done_alone_or_half_its_time_is_over) {
    const struct {
        const char* promise;
        std::chrono::nanoseconds budget;
        std::chrono::nanoseconds last_cpu;
        std::chrono::nanoseconds polite;
    } rows[] = {
        {"the last load's CPU time", 10min, 20s, 20s},
        {"half of what is left of the load timeout", 30s, 20s, 15s},
        {"no load was measured", 10min, 0s, 5min},
        {"a small database's load is no reason to hurry within a second", 10min, 10ms, 1s},
        {"no timeout", 0s, 20s, 20s},
        {"late already", -1s, 20s, 20s},
        {"nothing known", 0s, 0s, std::chrono::nanoseconds::max()},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.promise)
        BOOST_TEST(polite_time(row.budget, row.last_cpu).count() == row.polite.count());
    }
}

BOOST_AUTO_TEST_CASE(a_load_that_may_not_rise_later_begins_higher_but_never_above_the_scanners) {
    BOOST_TEST(politeness(false) < politeness(true));
    BOOST_TEST(politeness(false) > 0);
}

BOOST_AUTO_TEST_CASE(a_thread_rises_again_only_where_the_limit_says_so) {
    // In a child, because limit and nice value stay; without root's capability, which would make the limit meaningless.
    enum { as_the_limit_says, limit_refused, not_lowered, otherwise };
    const auto result_with = [](rlim_t value) {
        const pid_t child = ::fork();
        if (child == 0) {
            const rlimit nice{value, value};
            if (::setrlimit(RLIMIT_NICE, &nice) != 0) ::_exit(limit_refused);
            if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(otherwise);
            const int before = own_nice();
            const bool predicted = may_rise();
            if (!set_nice(::gettid(), before + politeness(true)) || own_nice() <= before) ::_exit(not_lowered);
            const bool rose = set_nice(::gettid(), before) && own_nice() == before;
            ::_exit(predicted == rose && rose == (value >= 40) ? as_the_limit_says : otherwise);
        }
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        return WEXITSTATUS(status);
    };
    BOOST_TEST(result_with(0) == as_the_limit_says);
    // Without CAP_SYS_RESOURCE nobody can raise the limit.
    const int raised = result_with(40);
    BOOST_TEST((raised == as_the_limit_says || raised == limit_refused));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
