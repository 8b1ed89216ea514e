// Who holds a generation's queue: what is given, acknowledged, asked back and released, and who is silent.
#include "supervisor/generations/queue_holders.h"

#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <set>
#include <vector>

using namespace evermilter::supervisor;
using namespace std::chrono_literals;

using Ids = std::vector<QueueHolders::WorkerId>;

BOOST_AUTO_TEST_SUITE(queue_holders_test)

BOOST_AUTO_TEST_CASE(a_queue_is_awaited_until_it_is_taken_and_held_until_it_is_released) {
    QueueHolders all;
    BOOST_TEST(!all.is_held(7));
    all.given(1, 7, 0s);
    all.given(2, 7, 0s);
    BOOST_TEST(all.is_awaited(7));
    BOOST_TEST(all.taken(1, 7, 1s));
    BOOST_TEST(all.is_awaited(7));
    BOOST_TEST(all.taken(2, 7, 1s));
    BOOST_TEST(!all.is_awaited(7));
    BOOST_TEST(all.holders(7) == (Ids{1, 2}), boost::test_tools::per_element());
    BOOST_TEST(all.released(1, 7, 2s)); // without being asked
    BOOST_TEST(all.is_held(7));
    BOOST_TEST(all.released(2, 7, 2s));
    BOOST_TEST(!all.is_held(7));
}

BOOST_AUTO_TEST_CASE(what_was_not_given_cannot_be_taken_or_released) {
    QueueHolders all;
    BOOST_TEST(!all.taken(1, 7, 0s));
    BOOST_TEST(!all.released(1, 7, 0s));
    all.given(1, 7, 0s);
    BOOST_TEST(!all.taken(1, 8, 0s));
    BOOST_TEST(!all.taken(2, 7, 0s));
    BOOST_TEST(all.taken(1, 7, 0s));
    BOOST_TEST(!all.taken(1, 7, 0s)); // once
    BOOST_TEST(all.released(1, 7, 0s));
    BOOST_TEST(!all.released(1, 7, 0s));
}

BOOST_AUTO_TEST_CASE(one_that_is_silent_for_5_s_is_named_once_and_each_answer_is_a_sign_of_life) {
    QueueHolders all;
    BOOST_TEST(!all.due().has_value());
    all.given(1, 7, 10s);
    all.given(1, 8, 12s); // waits for the first answer since 10 s
    BOOST_TEST((all.due() == Moment(15s)));
    BOOST_TEST(all.silent(Moment(15s) - 1ns).empty());
    BOOST_TEST(all.taken(1, 7, 14s));
    BOOST_TEST((all.due() == Moment(19s)));
    BOOST_TEST(all.silent(19s) == Ids{1}, boost::test_tools::per_element());
    BOOST_TEST(all.silent(20s).empty());
    BOOST_TEST(all.taken(1, 8, 20s));
    BOOST_TEST(!all.due().has_value());
    all.asked_back(1, 7, 30s);
    BOOST_TEST((all.due() == Moment(35s)));
    BOOST_TEST(all.released(1, 7, 31s));
    BOOST_TEST(!all.due().has_value());
}

BOOST_AUTO_TEST_CASE(one_that_is_reaped_holds_nothing_and_owes_nothing) {
    QueueHolders all;
    all.given(1, 7, 0s);
    all.given(2, 7, 0s);
    all.keep_only({2});
    BOOST_TEST(all.holders(7) == Ids{2}, boost::test_tools::per_element());
    all.keep_only({});
    BOOST_TEST(!all.is_held(7));
    BOOST_TEST(!all.is_awaited(7));
    BOOST_TEST(!all.due().has_value());
}

// Whatever was given, taken, asked back and released: a deadline stands exactly while something is owed, and what
// nobody was given nobody holds.
BOOST_AUTO_TEST_CASE(for_any_order_a_deadline_stands_exactly_while_an_acknowledgement_is_owed) {
    BOOST_TEST(rc::check([] {
        QueueHolders all;
        std::set<std::uint64_t> taking;
        std::set<std::uint64_t> holds;
        std::set<std::uint64_t> asked;
        Moment now{};
        const auto steps = *rc::gen::container<std::vector<std::pair<int, std::uint64_t>>>(
            rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange<std::uint64_t>(1, 4)));
        for (const auto& [what, generation] : steps) {
            now += 1s;
            if (what == 0 && !holds.contains(generation)) {
                all.given(1, generation, now);
                holds.insert(generation);
                taking.insert(generation);
            } else if (what == 1) {
                RC_ASSERT(all.taken(1, generation, now) == (taking.erase(generation) > 0));
            } else if (what == 2 && holds.contains(generation)) {
                all.asked_back(1, generation, now);
                asked.insert(generation);
            } else if (what == 3) {
                RC_ASSERT(all.released(1, generation, now) == (holds.erase(generation) > 0));
                asked.erase(generation);
            }
            RC_ASSERT(all.due().has_value() == (!taking.empty() || !asked.empty()));
            RC_ASSERT(all.is_held(generation) == holds.contains(generation));
            RC_ASSERT(all.is_awaited(generation) == taking.contains(generation));
        }
    }));
}

BOOST_AUTO_TEST_SUITE_END()
