// A start ends at its first fault; a trial keeps all of them, and has the status of the worst.
#include "supervisor/start_report.h"

#include <sysexits.h>

#include <boost/test/unit_test.hpp>

using namespace evermilter::supervisor;

BOOST_AUTO_TEST_SUITE(start_report)

BOOST_AUTO_TEST_CASE(a_start_ends_at_a_fault_and_a_trial_does_not) {
    for (const StartMode mode : {StartMode::real, StartMode::trial}) {
        StartReport report(mode);
        report.note("a note");
        BOOST_TEST(!report.ended());
        BOOST_TEST(report.exit_code() == EX_OK);
        report.fault(EX_NOUSER, "no user");
        BOOST_TEST(report.ended() == (mode == StartMode::real));
        BOOST_TEST(report.exit_code() == EX_NOUSER);
        BOOST_TEST(report.notes().size() == (mode == StartMode::trial ? 1U : 0U));
    }
}

BOOST_AUTO_TEST_CASE(the_worst_is_what_an_administrator_must_mend) {
    StartReport report(StartMode::trial);
    for (const int code :
         {EX_TEMPFAIL, EX_OSERR, EX_NOUSER, EX_NOHOST, EX_UNAVAILABLE, EX_CANTCREAT, EX_NOPERM, EX_CONFIG}) {
        report.fault(code, "one more");
        BOOST_TEST(report.exit_code() == code);
    }
    report.fault(EX_TEMPFAIL, "less");
    BOOST_TEST(report.exit_code() == EX_CONFIG);
    report.faults_to_notes();
    BOOST_TEST(report.exit_code() == EX_OK);
    BOOST_TEST(report.notes().size() == 9U);
}

BOOST_AUTO_TEST_SUITE_END()
