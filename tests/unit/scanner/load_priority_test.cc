// The lowest priority, and when a load that has it is starved.
#include "workers/scanner/load_priority.h"

#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <semaphore>
#include <thread>

#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::scanner {

using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(load_priority)

BOOST_AUTO_TEST_CASE(only_the_thread_that_asks_gets_the_lowest_priority) {
    int taken = 0;
    std::thread([&taken] {
        if (take_lowest_priority()) taken = test::nice_value(::gettid());
    }).join();
    BOOST_TEST(taken == kLowestPriority);
    BOOST_TEST(test::nice_value(::gettid()) == 0);
}

BOOST_AUTO_TEST_CASE(a_thread_that_waits_wants_no_cpu_and_one_that_works_does) {
    std::atomic<pid_t> id{0};
    std::atomic<bool> works{false};
    std::binary_semaphore work{0};
    std::thread thread([&] {
        id.store(::gettid());
        work.acquire();
        works.store(true);
        while (works.load()) {
        }
    });
    test::wait_until("it waits", [&] { return id.load() != 0 && !look_at(thread.native_handle(), id.load()).wants; });
    const auto before = look_at(thread.native_handle(), id.load()).cpu;
    work.release();
    test::wait_until("it works", [&] { return works.load(); });
    BOOST_TEST(look_at(thread.native_handle(), id.load()).wants);
    test::wait_until("its time is counted",
                     [&] { return look_at(thread.native_handle(), id.load()).cpu > before + 1ms; });
    works.store(false);
    thread.join();
}

BOOST_AUTO_TEST_CASE(starved_is_who_wants_and_gets_less_than_a_third) {
    const struct {
        const char* promise;
        unsigned wanting; // of Starvation::kLooks intervals
        std::chrono::milliseconds cpu;
        bool starved;
    } rows[] = {
        {"nothing at all", Starvation::kLooks, 0ms, true},
        {"just less than a third", Starvation::kLooks, 1600ms, true},
        {"just more than a third", Starvation::kLooks, 1700ms, false},
        {"all of it", Starvation::kLooks, 5000ms, false},
        {"it waits for a disk", Starvation::kLooks / 4, 0ms, false},
        {"half the time a disk, then starved", Starvation::kLooks / 2, 100ms, true},
        {"half the time a disk, the other half served", Starvation::kLooks / 2, 2400ms, false},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.promise) {
            Starvation starvation;
            BOOST_TEST(!starvation.starved({7s, false}));
            bool starved = false;
            for (unsigned i = 1; i <= Starvation::kLooks; ++i) {
                BOOST_TEST(!starved);
                starved = starvation.starved({7s + row.cpu * i / Starvation::kLooks, i <= row.wanting});
            }
            BOOST_TEST(starved == row.starved);
        }
    }
}

BOOST_AUTO_TEST_CASE(each_window_is_judged_alone) {
    Starvation starvation;
    std::chrono::nanoseconds cpu = 0ms;
    for (unsigned i = 0; i <= Starvation::kLooks; ++i) {
        BOOST_TEST(!starvation.starved({cpu, true}));
        cpu += Starvation::kInterval;
    }
    bool starved = false;
    for (unsigned i = 0; i <= Starvation::kLooks; ++i) starved = starvation.starved({cpu, true});
    BOOST_TEST(starved);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
