// Orders to reload that meet each other: each is done, in its turn; only equal ones are one.
#include "supervisor/generations/load_queue.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace evermilter::supervisor;
using namespace std::chrono_literals;

namespace {

std::string text_of(const ReloadRequest& request) {
    switch (request.kind) {
        case ReloadKind::asked:
            return request.force ? "forced" : "asked";
        case ReloadKind::automatic:
            return "by itself";
        case ReloadKind::start:
            return "start";
        case ReloadKind::roll_back:
            return "back to " + std::to_string(request.rollback_to);
    }
    return {};
}

const ReloadRequest kAsked{};
const ReloadRequest kForced{.force = true};
const ReloadRequest kByItself{.kind = ReloadKind::automatic};
const ReloadRequest kBack{.kind = ReloadKind::roll_back};
const ReloadRequest kBackTo5{.kind = ReloadKind::roll_back, .rollback_to = 5};

} // namespace

BOOST_AUTO_TEST_SUITE(load_queue_test)

BOOST_AUTO_TEST_CASE(only_equal_orders_that_follow_each_other_are_one) {
    struct Row {
        std::vector<ReloadRequest> given;
        std::vector<std::string> done; // and by how many callers
    };
    const Row rows[] = {
        {{kAsked}, {"asked 1"}},
        {{kAsked, kAsked, kAsked}, {"asked 3"}},
        {{kByItself, kByItself}, {"by itself 2"}},
        {{kBack, kBack}, {"back to 0 2"}},
        {{kBackTo5, kBackTo5}, {"back to 5 2"}},
        {{kAsked, kForced}, {"asked 1", "forced 1"}},
        {{kForced, kAsked}, {"forced 1", "asked 1"}},
        {{kByItself, kAsked}, {"by itself 1", "asked 1"}},
        {{kAsked, kByItself}, {"asked 1", "by itself 1"}},
        {{kAsked, kBack}, {"asked 1", "back to 0 1"}},
        {{kBack, kAsked}, {"back to 0 1", "asked 1"}},
        {{kBack, kByItself}, {"back to 0 1", "by itself 1"}},
        {{kBack, kBackTo5}, {"back to 0 1", "back to 5 1"}},
        {{kAsked, kBackTo5, kAsked}, {"asked 1", "back to 5 1", "asked 1"}},
        {{kByItself, kBack, kByItself, kByItself}, {"by itself 1", "back to 0 1", "by itself 2"}},
    };
    for (const Row& row : rows) {
        LoadQueue orders;
        std::size_t told = 0;
        for (const ReloadRequest& request : row.given)
            BOOST_TEST(orders.add(
                request, {}, [&told](const ReloadOutcome&) { ++told; }, 100ns));
        std::vector<std::string> done;
        while (!orders.empty()) {
            const ReloadOrder& order = orders.begin();
            done.push_back(text_of(order.request) + " " + std::to_string(order.callers.size()));
            orders.done({}, 200ns);
        }
        BOOST_TEST(told == 0U); // never from within
        for (const auto& answer : orders.take_answers()) answer.caller(answer.outcome);
        BOOST_TEST(done == row.done, boost::test_tools::per_element());
        BOOST_TEST(told == row.given.size());
    }
}

BOOST_AUTO_TEST_CASE(settings_make_an_order_of_their_own) {
    LoadQueue orders;
    const auto first = std::make_shared<const Settings>();
    const auto second = std::make_shared<const Settings>();
    BOOST_TEST(orders.add(kAsked, {}, {}, 1ns));
    BOOST_TEST(orders.add(kAsked, first, {}, 2ns));
    BOOST_TEST(orders.add(kAsked, second, {}, 3ns));
    BOOST_TEST(orders.add(kAsked, {}, {}, 4ns));
    BOOST_TEST(orders.size() == 4U);
    for (const auto& expected : {std::shared_ptr<const Settings>(), first, second}) {
        BOOST_TEST((orders.begin().settings == expected));
        orders.done({}, 5ns);
    }
}

BOOST_AUTO_TEST_CASE(an_order_is_as_old_as_its_first_caller) {
    LoadQueue orders;
    for (int i = 0; i < 3; ++i) BOOST_TEST(orders.add(kAsked, {}, {}, Moment(100 + i)));
    BOOST_TEST(orders.begin().since.count() == 100);
    orders.done({}, 150ns);
    BOOST_TEST(orders.add(kAsked, {}, {}, 200ns));
    BOOST_TEST(orders.begin().since.count() == 200);
}

BOOST_AUTO_TEST_CASE(a_hold_or_its_end_is_not_undone_by_what_was_ordered_before_it) {
    LoadQueue orders;
    BOOST_TEST(orders.add(kBack, {}, {}, 1ns));
    orders.hold_decided();
    BOOST_TEST(orders.add(kBack, {}, {}, 2ns));
    BOOST_TEST(orders.size() == 2U);
    BOOST_TEST(!orders.begin().decides_hold);
    orders.done({}, 3ns);
    BOOST_TEST(orders.begin().decides_hold);
    orders.hold_decided();
    BOOST_TEST(!orders.in_progress()->decides_hold);
}

BOOST_AUTO_TEST_CASE(their_number_has_a_bound) {
    LoadQueue orders;
    for (std::size_t i = 0; i < LoadQueue::kMost; ++i) BOOST_TEST(orders.add(i % 2 == 0 ? kAsked : kBack, {}, {}, 1ns));
    BOOST_TEST(!orders.add(kForced, {}, {}, 1ns));
    BOOST_TEST(orders.add(kBack, {}, {}, 1ns)); // equal to the last
    BOOST_TEST(orders.size() == LoadQueue::kMost);
}

BOOST_AUTO_TEST_CASE(an_order_that_is_put_back_is_the_next_and_joins_no_other) {
    LoadQueue orders;
    BOOST_TEST(orders.add(kBack, {}, {}, 1ns));
    BOOST_TEST(orders.add(kAsked, {}, {}, 2ns));
    orders.begin().tried.insert(7);
    orders.put_back();
    BOOST_TEST(orders.in_progress() == nullptr);
    BOOST_TEST(orders.size() == 2U);
    BOOST_TEST(orders.begin().tried.contains(7));
    orders.done({}, 3ns);
    BOOST_TEST(text_of(orders.begin().request) == "asked");
}

BOOST_AUTO_TEST_CASE(a_stop_answers_all_that_wait_and_leaves_the_one_in_progress_its_own_answer) {
    LoadQueue orders;
    std::vector<std::string> told;
    const auto caller = [&told](const std::string& who) {
        return [&told, who](const ReloadOutcome& outcome) { told.push_back(who + ": " + outcome.error); };
    };
    BOOST_TEST(orders.add(kAsked, {}, caller("first"), 1ns));
    BOOST_TEST(orders.add(kBack, {}, caller("second"), 2ns));
    static_cast<void>(orders.begin());
    ReloadOutcome stops;
    stops.error = "stops";
    orders.refuse_waiting(stops, 3ns);
    BOOST_TEST(orders.empty());
    orders.answer(caller("third"), stops);
    orders.done({}, 4ns);
    for (const auto& answer : orders.take_answers()) answer.caller(answer.outcome);
    BOOST_TEST(told == (std::vector<std::string>{"second: stops", "third: stops", "first: "}),
               boost::test_tools::per_element());
    BOOST_TEST(!orders.has_answers());
}

BOOST_AUTO_TEST_SUITE_END()
