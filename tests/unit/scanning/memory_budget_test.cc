// MemoryBudget: never above its limit, whoever asks at the same time.
#include "workers/scanning/memory_budget.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

using namespace evermilter::scanning;

BOOST_AUTO_TEST_SUITE(memory_budget_test)

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

BOOST_AUTO_TEST_CASE(workers_share_one_budget_by_their_boards) {
    auto board = evermilter::MemoryBoard::create("test", 3);
    BOOST_REQUIRE(board.ok());
    board->header().given.store(2);
    const auto of_worker = [&](std::uint32_t slot) {
        auto copy = board->duplicate();
        BOOST_REQUIRE(copy.ok());
        auto mapped = evermilter::MemoryBoard::map(std::move(*copy));
        BOOST_REQUIRE(mapped.ok());
        return std::make_unique<MemoryBudget>(100, std::move(*mapped), slot);
    };
    const auto one = of_worker(0);
    const auto other = of_worker(1);
    BOOST_TEST(one->take(60));
    BOOST_TEST(!other->take(41));
    BOOST_TEST(other->take(40));
    BOOST_TEST(!one->take(1));
    board->slot(1).bytes.store(0); // the supervisor, when the other has died
    BOOST_TEST(one->take(40));
    board->slot(1).bytes.store(std::numeric_limits<std::uint64_t>::max()); // it writes nonsense
    BOOST_TEST(!one->take(1));
}

BOOST_AUTO_TEST_CASE(workers_together_never_hold_more_than_the_limit) {
    constexpr std::uint64_t limit = 1000;
    auto board = evermilter::MemoryBoard::create("test", 4);
    BOOST_REQUIRE(board.ok());
    board->header().given.store(4);
    std::atomic<std::uint64_t> held{0}; // what was granted
    std::atomic<bool> above{false};
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (std::uint32_t slot = 0; slot < 4; ++slot)
        threads.emplace_back([&, slot] {
            auto mapped = evermilter::MemoryBoard::map(std::move(*board->duplicate()));
            MemoryBudget budget(limit, std::move(*mapped), slot);
            for (int round = 0; round < 10000; ++round) {
                if (!budget.take(300)) continue;
                if (held.fetch_add(300) + 300 > limit) above = true;
                held.fetch_sub(300);
                budget.give_back(300);
            }
        });
    for (auto& thread : threads) thread.join();
    BOOST_TEST(!above);
    for (std::size_t slot = 0; slot < 4; ++slot) BOOST_TEST(board->slot(slot).bytes.load() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
