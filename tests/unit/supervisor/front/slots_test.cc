// Free slots of a scoreboard.
#include "supervisor/front/slots.h"

#include <boost/test/unit_test.hpp>
#include <set>

using evermilter::supervisor::Slots;

BOOST_AUTO_TEST_SUITE(slots)

BOOST_AUTO_TEST_CASE(each_slot_is_given_once_until_all_are_taken) {
    Slots slots(5);
    std::set<std::uint32_t> given;
    while (const auto slot = slots.take()) given.insert(*slot);
    BOOST_TEST(given.size() == 5U);
    BOOST_TEST(*given.rbegin() == 4U);
    BOOST_TEST(slots.available() == 0U);
    BOOST_TEST(slots.used() == 5U);
}

BOOST_AUTO_TEST_CASE(the_lowest_free_slot_is_taken_first) {
    Slots slots(4);
    for (int i = 0; i < 4; ++i) BOOST_REQUIRE(slots.take().has_value());
    slots.give_back(3);
    slots.give_back(1);
    BOOST_TEST(slots.take().value() == 1U);
    BOOST_TEST(slots.take().value() == 3U);
    BOOST_TEST(!slots.take().has_value());
}

BOOST_AUTO_TEST_CASE(a_slot_given_back_twice_or_never_taken_is_not_counted_twice) {
    Slots slots(3);
    const auto slot = slots.take();
    BOOST_REQUIRE(slot.has_value());
    slots.give_back(*slot);
    slots.give_back(*slot);
    slots.give_back(2);
    BOOST_TEST(slots.used() == 0U);
    std::set<std::uint32_t> given;
    while (const auto next = slots.take()) BOOST_TEST(given.insert(*next).second);
    BOOST_TEST(given.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_board_without_slots_gives_none) {
    BOOST_TEST(!Slots().take().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
