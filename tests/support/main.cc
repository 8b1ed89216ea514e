// The main() of every test binary: Boost.Test's own, and the report of what ran (report.h).
#define BOOST_TEST_MODULE evermilter
#include <boost/test/unit_test.hpp>

#include "tests/support/report.h"

using evermilter::test::Report;
BOOST_TEST_GLOBAL_FIXTURE(Report);
