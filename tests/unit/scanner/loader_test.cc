// The real evermilter-scanner, told by a test that plays the supervisor.
#include "workers/scanner/loader.h"

#include <sys/wait.h>

#include <boost/test/unit_test.hpp>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter {
namespace {

using messages::ScanOutcome;

// As the session worker sends it: behind the synthetic first lines.
std::string scanned(const std::string& mail) {
    return "From sender@example.org Thu Jan  1 00:00:00 1970\r\n"
           "Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n" +
           mail;
}

bool exited_with(int wait_status, int code) {
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == code;
}

} // namespace

BOOST_AUTO_TEST_SUITE(loader)

BOOST_AUTO_TEST_CASE(a_loaded_generation_answers_jobs_and_ends_with_its_queue) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_eicar_database(folder / "database");
    test::LoaderProcess loader;
    loader.start_load(config, {}, 3);
    const auto ready = loader.expect<messages::LoaderReady>();
    BOOST_TEST(ready.signatures == 1U);
    BOOST_TEST(ready.digest.size() == 64U);
    BOOST_TEST(ready.databases == std::vector<std::string>{"eicar.ndb"}, boost::test_tools::per_element());

    const auto clean = loader.scan(scanned(test::clean_mail()));
    BOOST_TEST((clean.outcome == ScanOutcome::clean), clean.detail);
    const auto infected = loader.scan(scanned(test::eicar_attached()));
    BOOST_TEST((infected.outcome == ScanOutcome::infected));
    BOOST_TEST(infected.detail == test::kEicarName);

    loader.close_queue();
    BOOST_TEST(exited_with(loader.wait(), 0));
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter
