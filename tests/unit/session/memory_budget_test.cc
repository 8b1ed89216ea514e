// MemoryBudget: never above its limit, whoever asks at the same time.
#include "workers/session/memory_budget.h"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <thread>
#include <vector>

using namespace evermilter::session;

BOOST_AUTO_TEST_SUITE(memory_budget)

BOOST_AUTO_TEST_CASE(what_does_not_fit_takes_nothing) {
    MemoryBudget budget(100);
    BOOST_TEST(budget.take(60));
    BOOST_TEST(!budget.take(41));
    BOOST_TEST(!budget.take(std::numeric_limits<std::uint64_t>::max()));
    BOOST_TEST(budget.take(40));
    BOOST_TEST(budget.used() == 100U);
    budget.give_back(100);
    BOOST_TEST(budget.used() == 0U);
}

BOOST_AUTO_TEST_CASE(a_share_is_given_back_once_however_it_moves) {
    MemoryBudget budget(100);
    {
        BudgetShare first(budget);
        BOOST_TEST(first.grow(30));
        BudgetShare second = std::move(first);
        BOOST_TEST(second.grow(30));
        BudgetShare third(budget);
        BOOST_TEST(third.grow(40));
        third = std::move(second);
        BOOST_TEST(budget.used() == 60U);
    }
    BOOST_TEST(budget.used() == 0U);
}

BOOST_AUTO_TEST_CASE(threads_together_never_take_more_than_the_limit) {
    constexpr std::uint64_t limit = 1000;
    MemoryBudget budget(limit);
    std::atomic<bool> above{false};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 10000; ++round) {
                if (!budget.take(300)) continue;
                if (budget.used() > limit) above = true;
                budget.give_back(300);
            }
        });
    for (auto& thread : threads) thread.join();
    BOOST_TEST(!above);
    BOOST_TEST(budget.used() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
