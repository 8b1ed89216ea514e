#include "workers/scanner/temp_filling.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "workers/common/unique_fd.h"

namespace evermilter::scanner {

BOOST_AUTO_TEST_SUITE(temp_filling)

BOOST_AUTO_TEST_CASE(a_scan_has_filled_what_others_hold_a_tenth_of_at_most) {
    static_assert(filled_alone(1000, 1000));
    static_assert(filled_alone(900, 1000));
    static_assert(!filled_alone(899, 1000));
    static_assert(!filled_alone(0, 0));
    static_assert(filled_alone(1001, 1000)); // files come and go while it is measured
}

BOOST_AUTO_TEST_CASE(a_write_that_finds_no_room_is_known_until_the_next_scan_whatever_its_caller_does) {
    watch_temp_directory("/nonexistent");
    BOOST_TEST(!room_ran_out());
    const unique_fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    BOOST_REQUIRE(full);
    BOOST_TEST(::write(full.get(), "x", 1) == -1);
    BOOST_TEST(room_ran_out());
    BOOST_TEST(!temp_directory_filled()); // not by this scan
    watch_temp_directory("/nonexistent");
    BOOST_TEST(!room_ran_out());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
