#include "workers/common/base/hex.h"

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(hex_test)

BOOST_AUTO_TEST_CASE(every_byte_is_two_lower_case_digits) {
    using namespace std::string_literals;
    BOOST_TEST(evermilter::to_hex("\x00\x01\x7f\x80\xff"s) == "00017f80ff");
    BOOST_TEST(evermilter::to_hex("").empty());
}

BOOST_AUTO_TEST_CASE(only_lower_case_digits_are_hexadecimal) {
    BOOST_TEST(evermilter::is_hex("0123456789abcdef"));
    BOOST_TEST(!evermilter::is_hex("A0"));
    BOOST_TEST(!evermilter::is_hex("0g"));
}

BOOST_AUTO_TEST_SUITE_END()
