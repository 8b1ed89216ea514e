// Orders to reload that meet each other: each is done, in its turn; only equal ones are one.
#include "supervisor/generations/reload_orders.h"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

using namespace evermilter::supervisor;

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

BOOST_AUTO_TEST_SUITE(reload_orders)

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
        ReloadOrders orders;
        std::size_t told = 0;
        for (const ReloadRequest& request : row.given)
            BOOST_TEST(orders.add(
                request, {}, [&told](const ReloadOutcome&) { ++told; }, 100));
        std::vector<std::string> done;
        while (!orders.empty()) {
            const ReloadOrder order = orders.take();
            done.push_back(text_of(order.request) + " " + std::to_string(order.callers.size()));
            for (const auto& caller : order.callers) caller({});
        }
        BOOST_TEST(done == row.done, boost::test_tools::per_element());
        BOOST_TEST(told == row.given.size());
    }
}

BOOST_AUTO_TEST_CASE(settings_make_an_order_of_their_own) {
    ReloadOrders orders;
    const auto first = std::make_shared<const Settings>();
    const auto second = std::make_shared<const Settings>();
    BOOST_TEST(orders.add(kAsked, {}, {}, 1));
    BOOST_TEST(orders.add(kAsked, first, {}, 2));
    BOOST_TEST(orders.add(kAsked, second, {}, 3));
    BOOST_TEST(orders.add(kAsked, {}, {}, 4));
    BOOST_TEST(orders.size() == 4U);
    BOOST_TEST((orders.take().settings == nullptr));
    BOOST_TEST((orders.take().settings == first));
    BOOST_TEST((orders.take().settings == second));
}

BOOST_AUTO_TEST_CASE(an_order_is_as_old_as_its_first_caller) {
    ReloadOrders orders;
    for (int i = 0; i < 3; ++i) BOOST_TEST(orders.add(kAsked, {}, {}, 100 + i));
    BOOST_TEST(orders.take().since_ns == 100);
    BOOST_TEST(orders.add(kAsked, {}, {}, 200));
    BOOST_TEST(orders.take().since_ns == 200);
}

BOOST_AUTO_TEST_CASE(a_hold_or_its_end_is_not_undone_by_what_was_ordered_before_it) {
    ReloadOrders orders;
    BOOST_TEST(orders.add(kBack, {}, {}, 1));
    orders.hold_decided();
    BOOST_TEST(orders.add(kBack, {}, {}, 2));
    BOOST_TEST(orders.size() == 2U);
    BOOST_TEST(!orders.take().decides_hold);
    BOOST_TEST(orders.take().decides_hold);
}

BOOST_AUTO_TEST_CASE(their_number_has_a_bound) {
    ReloadOrders orders;
    for (std::size_t i = 0; i < ReloadOrders::kMost; ++i)
        BOOST_TEST(orders.add(i % 2 == 0 ? kAsked : kBack, {}, {}, 1));
    BOOST_TEST(!orders.add(kForced, {}, {}, 1));
    BOOST_TEST(orders.add(kBack, {}, {}, 1)); // equal to the last
    BOOST_TEST(orders.size() == ReloadOrders::kMost);
}

BOOST_AUTO_TEST_SUITE_END()
