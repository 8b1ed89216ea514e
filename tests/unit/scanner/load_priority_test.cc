// The lowest priority, and when a load that has it is starved.
#include "workers/scanner/load_priority.h"

#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <initializer_list>
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

// What looks at a thread find.
struct Span {
    std::chrono::milliseconds length;
    double had;     // share of a CPU
    unsigned wants; // one look of so many finds it wanting one; 0: none
};

constexpr std::chrono::milliseconds kNever{0};

// How long it took until a thread that fared so was called starved.
std::chrono::milliseconds starved_after(std::initializer_list<Span> spans) {
    Starvation starvation;
    ThreadLook look{7s, false};
    if (starvation.starved(look)) return -1ms;
    std::chrono::milliseconds at{0};
    unsigned number = 0;
    for (const Span& span : spans) {
        for (auto end = at + span.length; at < end;) {
            at += Starvation::kInterval;
            look.cpu += std::chrono::duration_cast<std::chrono::nanoseconds>(span.had * Starvation::kInterval);
            look.wants = span.wants != 0 && ++number % span.wants == 0;
            if (starvation.starved(look)) return at;
        }
    }
    return kNever;
}

BOOST_AUTO_TEST_CASE(starved_is_who_wants_and_gets_less_than_a_third) {
    const struct {
        const char* promise;
        std::initializer_list<Span> spans;
        std::chrono::milliseconds after;
    } rows[] = {
        {"nothing at all", {{60s, 0, 1}}, 5s},
        {"just less than a third", {{60s, 0.32, 1}}, 5s},
        {"just more than a third", {{60s, 0.34, 1}}, kNever},
        {"all of it", {{60s, 1, 1}}, kNever},
        {"it waits for a disk", {{60s, 0, 0}}, kNever},
        {"half the time a disk, else starved", {{60s, 0.1, 2}}, 10s},
        {"half the time a disk, else served", {{60s, 0.4, 2}}, kNever},
        {"first a disk, then starved", {{10s, 0.1, 0}, {60s, 0, 1}}, 15s},
        {"served, then a short famine", {{20s, 1, 1}, {30s, 0, 1}, {20s, 1, 1}}, kNever},
        {"served for a while, then starved for good", {{4s, 1, 1}, {60s, 0, 1}}, 12250ms},
    };
    for (const auto& row : rows)
        BOOST_TEST_CONTEXT(row.promise) BOOST_TEST(starved_after(row.spans).count() == row.after.count());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
