// The main() of every test binary: it judges (judge.h) what the same program, started once more, does in Boost.Test.
#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include "tests/support/judge.h"
#include "tests/support/report.h"

using evermilter::test::Report;
BOOST_TEST_GLOBAL_FIXTURE(Report);

namespace {

bool set_up() {
    boost::unit_test::framework::master_test_suite().p_name.value = "evermilter";
    return true;
}

} // namespace

int main(int argc, char** argv) {
    if (evermilter::test::wants_judge(argc, argv)) return evermilter::test::judge(argv);
    return boost::unit_test::unit_test_main(set_up, argc, argv);
}
