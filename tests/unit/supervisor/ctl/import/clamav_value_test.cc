// Values as clamconf 1.4.6 takes them.
#include "supervisor/ctl/import/clamav_value.h"

#include <boost/test/unit_test.hpp>

using namespace evermilter::ctl;

BOOST_AUTO_TEST_SUITE(clamav_value_test)

BOOST_AUTO_TEST_CASE(a_switch_has_six_words_in_any_case) {
    for (const char* word : {"yes", "YES", "true", "True", "1"}) BOOST_TEST((clamav_boolean(word) == true), word);
    for (const char* word : {"no", "No", "false", "FALSE", "0"}) BOOST_TEST((clamav_boolean(word) == false), word);
    for (const char* word : {"", "on", "y", "2", "yes ", "yesno"}) BOOST_TEST(!clamav_boolean(word), word);
}

BOOST_AUTO_TEST_CASE(a_number_is_digits) {
    BOOST_TEST(clamav_number("0").value() == 0U);
    BOOST_TEST(clamav_number("007").value() == 7U);
    BOOST_TEST(clamav_number("99999999999999999999999").value() == kNoLimit);
    for (const char* text : {"", "-1", "+1", "5x", "5K", " 5", "0x10", "5 # five"})
        BOOST_TEST(!clamav_number(text), text);
}

BOOST_AUTO_TEST_CASE(a_size_may_have_a_unit) {
    BOOST_TEST(clamav_size("10").value() == 10U);
    BOOST_TEST(clamav_size("10k").value() == 10U << 10U);
    BOOST_TEST(clamav_size("10M").value() == 10U << 20U);
    BOOST_TEST(clamav_size("3g").value() == std::uint64_t{3} << 30U);
    BOOST_TEST(clamav_size("9999999999999G").value() == kNoLimit);
    BOOST_TEST(clamav_size("99999999999999999999999M").value() == kNoLimit);
    for (const char* text : {"", "M", "10KB", "10 M", "-1M", "10T", "1.5M"}) BOOST_TEST(!clamav_size(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
