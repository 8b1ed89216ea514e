#include "workers/scanner/respawn.h"

#include <boost/test/unit_test.hpp>

namespace evermilter::scanner {

using std::chrono::milliseconds;
using End = Respawn::End;

BOOST_AUTO_TEST_SUITE(respawn)

BOOST_AUTO_TEST_CASE(a_scanner_that_served_or_ended_as_planned_is_replaced_at_once) {
    Respawn respawn;
    for (int i = 0; i < 100; ++i) BOOST_TEST((respawn.after(End::died, true) == milliseconds(0)));
    BOOST_TEST((respawn.after(End::planned, false) == milliseconds(0)));
}

BOOST_AUTO_TEST_CASE(deaths_without_service_wait_ever_longer_up_to_a_bound) {
    Respawn respawn;
    const int delays[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    for (const int delay : delays) BOOST_TEST((respawn.after(End::died, false) == milliseconds(delay)));
    BOOST_TEST((respawn.after(End::died, true) == milliseconds(0)));
    BOOST_TEST((respawn.after(End::died, false) == milliseconds(100)));
}

BOOST_AUTO_TEST_CASE(a_failed_temp_directory_is_tried_once_a_second) {
    Respawn respawn;
    for (int i = 0; i < 3; ++i) BOOST_TEST((respawn.after(End::temp_failed, true) == milliseconds(1000)));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
