#include "workers/scanner/temp_filling.h"

#include <boost/test/unit_test.hpp>

namespace evermilter::scanner {

BOOST_AUTO_TEST_SUITE(temp_filling)

BOOST_AUTO_TEST_CASE(a_scan_has_filled_what_others_hold_a_tenth_of_at_most) {
    static_assert(filled_alone(1000, 1000));
    static_assert(filled_alone(900, 1000));
    static_assert(!filled_alone(899, 1000));
    static_assert(!filled_alone(0, 0));
    static_assert(filled_alone(1001, 1000)); // files come and go while it is measured
    watch_temp_directory("/nonexistent");
    no_space_left();
    BOOST_TEST(!temp_directory_filled());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
