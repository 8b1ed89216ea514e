// The test cases that judge_test has judged, a suite for each way in which a run can end. The suite of each is asked
// for by name; all of them together pass nothing.
#include <sys/types.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/support/report.h"

BOOST_AUTO_TEST_SUITE(passes)
BOOST_AUTO_TEST_CASE(first) {
    BOOST_TEST(true);
}
BOOST_AUTO_TEST_CASE(second) {
    BOOST_TEST(true);
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(fails)
BOOST_AUTO_TEST_CASE(first) {
    BOOST_TEST(false);
}
BOOST_AUTO_TEST_CASE(second) {
    BOOST_TEST(true);
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(is_pinned)
BOOST_AUTO_TEST_CASE(first) {
    evermilter::test::not_possible("it is only judged");
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(is_not_pinned)
BOOST_AUTO_TEST_CASE(first) {
    evermilter::test::not_possible("nobody knows why");
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(wants_root)
BOOST_AUTO_TEST_CASE(first) {
    evermilter::test::not_possible("needs root");
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(leaves)
BOOST_AUTO_TEST_CASE(first) {
    BOOST_TEST(true);
}
BOOST_AUTO_TEST_CASE(second) {
    ::_exit(0);
}
BOOST_AUTO_TEST_CASE(third) {
    BOOST_TEST(true);
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(crashes)
BOOST_AUTO_TEST_CASE(first) {
    ::raise(SIGSEGV);
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ends_badly)
BOOST_AUTO_TEST_CASE(first) {
    BOOST_TEST(std::atexit([] { ::_exit(3); }) == 0);
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(stays)
BOOST_AUTO_TEST_CASE(first) {
    ::pause();
}
BOOST_AUTO_TEST_SUITE_END()

// As the runtime of a sanitizer does in a process that this one starts.
BOOST_AUTO_TEST_SUITE(is_reported)
BOOST_AUTO_TEST_CASE(first) {
    const std::string options = std::getenv("ASAN_OPTIONS");
    const std::string key = "log_path=";
    const auto begin = options.find(key) + key.size();
    std::ofstream(options.substr(begin, options.find(':', begin) - begin) + ".4711") << "what it has found\n";
}
BOOST_AUTO_TEST_SUITE_END()
