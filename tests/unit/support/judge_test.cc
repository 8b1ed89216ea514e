// What the judge of test binaries makes of each way in which a run can end (tests/support/judged/cases.cc).
#include "tests/support/judge.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/support/command.h"

using evermilter::test::Outcome;

namespace {

Outcome judged(const std::string& suite) {
    return evermilter::test::run({"/usr/bin/env", "-u", evermilter::test::kReportVariable, "-u", "ASAN_OPTIONS",
                                  "EVERMILTER_TEST_TIMEOUT=" + std::string(suite == "stays" ? "1" : "60"),
                                  EVERMILTER_BIN_DIRECTORY "/judged_cases", "--run_test=" + suite});
}

bool says(const Outcome& outcome, const std::string& line) {
    return ("\n" + outcome.output).find("\n" + line + "\n") != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(judge_test)

BOOST_AUTO_TEST_CASE(cases_that_pass_are_counted) {
    const Outcome outcome = judged("passes");
    BOOST_TEST(outcome.status == 0);
    BOOST_TEST(says(outcome, "2 passed, 0 failed, 0 not possible"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_case_that_fails_is_named) {
    const Outcome outcome = judged("fails");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "FAILED judged_cases/fails/first"), outcome.output);
    BOOST_TEST(says(outcome, "1 passed, 1 failed, 0 not possible"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_pinned_reason_is_no_failure_and_nothing_that_has_passed) {
    const Outcome outcome = judged("is_pinned");
    BOOST_TEST(outcome.status == 77);
    BOOST_TEST(says(outcome, "not possible: judged_cases/is_pinned/first: it is only judged"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_reason_that_is_not_pinned_is_a_failure) {
    const Outcome outcome = judged("is_not_pinned");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "0 passed, 1 failed, 0 not possible"), outcome.output);
}

BOOST_AUTO_TEST_CASE(root_lacks_no_root) {
    const Outcome outcome = judged("wants_root");
    BOOST_TEST(outcome.status == (evermilter::test::is_root() ? 1 : 77), outcome.output);
}

BOOST_AUTO_TEST_CASE(cases_that_did_not_run_have_failed_though_the_process_ended_well) {
    const Outcome outcome = judged("leaves");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "FAILED judged_cases/leaves/second: it was not run to its end"), outcome.output);
    BOOST_TEST(says(outcome, "FAILED judged_cases/leaves/third: it was not run to its end"), outcome.output);
    BOOST_TEST(says(outcome, "1 passed, 2 failed, 0 not possible"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_crash_is_a_failure_of_its_case) {
    const Outcome outcome = judged("crashes");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "FAILED judged_cases/crashes/first: it was not run to its end"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_process_that_ends_badly_has_failed_though_its_cases_passed) {
    const Outcome outcome = judged("ends_badly");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "FAILED judged_cases: every test passed, but its exit status is 3"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_process_that_does_not_end_is_ended) {
    const Outcome outcome = judged("stays");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "FAILED judged_cases: it did not end within 1 s"), outcome.output);
}

BOOST_AUTO_TEST_CASE(what_a_sanitizer_reports_of_another_process_is_a_failure) {
    const Outcome outcome = judged("is_reported");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "FAILED judged_cases: a sanitizer reports of process 4711"), outcome.output);
    BOOST_TEST(says(outcome, "what it has found"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_run_of_nothing_is_a_failure) {
    const Outcome outcome = judged("no_such_suite");
    BOOST_TEST(outcome.status == 1);
    BOOST_TEST(says(outcome, "FAILED judged_cases: no test was run"), outcome.output);
}

BOOST_AUTO_TEST_SUITE_END()
