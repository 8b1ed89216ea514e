// Every role, killed or stopped in each of its states, while mail flows; fault_injection.h says what is promised then.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/fault_injection.h"

using namespace evermilter::test;

namespace {

const Fault kScannerFaults[] = {
    {Role::scanner, State::serving, SIGSTOP},  {Role::scanner, State::serving, SIGSEGV},
    {Role::scanner, State::serving, SIGKILL},  {Role::scanner, State::scanning, SIGSEGV},
    {Role::scanner, State::scanning, SIGKILL}, {Role::scanner, State::scanning, SIGSTOP},
    {Role::scanner, State::draining, SIGSEGV}, {Role::scanner, State::draining, SIGKILL},
    {Role::scanner, State::draining, SIGSTOP}, {Role::scanner, State::loading, SIGSEGV},
    {Role::scanner, State::loading, SIGKILL},  {Role::scanner, State::awaited, SIGSEGV},
    {Role::scanner, State::awaited, SIGKILL},  {Role::scanner, State::awaited, SIGSTOP},
};
const Fault kLoaderFaults[] = {
    {Role::loader, State::serving, SIGSTOP},       {Role::loader, State::serving, SIGSEGV},
    {Role::loader, State::serving, SIGKILL},       {Role::loader, State::loading, SIGSEGV},
    {Role::loader, State::loading, SIGKILL},       {Role::loader, State::loading, SIGSTOP},
    {Role::loader, State::proving, SIGSEGV},       {Role::loader, State::proving, SIGKILL},
    {Role::loader, State::proving, SIGSTOP},       {Role::loader, State::draining, SIGSEGV},
    {Role::loader, State::draining, SIGKILL},      {Role::loader, State::draining, SIGSTOP},
    {Role::loader, State::awaiting_room, SIGSEGV}, {Role::loader, State::awaiting_room, SIGKILL},
    {Role::loader, State::awaiting_room, SIGSTOP}, {Role::loader, State::awaited, SIGSEGV},
    {Role::loader, State::awaited, SIGKILL},       {Role::loader, State::awaited, SIGSTOP},
};
const Fault kStandbyFaults[] = {
    {Role::standby, State::serving, SIGSEGV},  {Role::standby, State::serving, SIGKILL},
    {Role::standby, State::serving, SIGSTOP},  {Role::standby, State::loading, SIGKILL},
    {Role::standby, State::draining, SIGSEGV}, {Role::standby, State::draining, SIGKILL},
    {Role::standby, State::draining, SIGSTOP}, {Role::standby, State::awaited, SIGKILL},
    {Role::standby, State::awaited, SIGSTOP},
};
const Fault kSessionFaults[] = {
    {Role::session, State::in_message, SIGSTOP}, {Role::session, State::scanning, SIGSTOP},
    {Role::session, State::draining, SIGSTOP},   {Role::session, State::in_message, SIGSEGV},
    {Role::session, State::in_message, SIGKILL}, {Role::session, State::scanning, SIGSEGV},
    {Role::session, State::scanning, SIGKILL},   {Role::session, State::loading, SIGSEGV},
    {Role::session, State::loading, SIGKILL},    {Role::session, State::loading, SIGSTOP},
    {Role::session, State::draining, SIGSEGV},   {Role::session, State::draining, SIGKILL},
    {Role::session, State::starting, SIGSEGV},   {Role::session, State::starting, SIGKILL},
    {Role::session, State::starting, SIGSTOP},
};

} // namespace

// One suite per role, so that they can run at the same time.
BOOST_AUTO_TEST_SUITE(faults_of_scanners_test)
BOOST_DATA_TEST_CASE(mail_goes_on_and_nothing_is_left, boost::unit_test::data::make(kScannerFaults), fault) {
    Injection(fault).run();
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(faults_of_loaders_test)
BOOST_DATA_TEST_CASE(mail_goes_on_and_nothing_is_left, boost::unit_test::data::make(kLoaderFaults), fault) {
    Injection(fault).run();
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(faults_of_standbys_test)
BOOST_DATA_TEST_CASE(mail_goes_on_and_nothing_is_left, boost::unit_test::data::make(kStandbyFaults), fault) {
    Injection(fault).run();
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(faults_of_session_workers_test)
BOOST_DATA_TEST_CASE(only_their_sessions_are_lost, boost::unit_test::data::make(kSessionFaults), fault) {
    Injection(fault).run();
}
BOOST_AUTO_TEST_SUITE_END()
