// A libmilter that was built so that interpose.h cannot work with it is noticed before a session is lost; and one that
// was built with _FORTIFY_SOURCE works.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

#include "tests/integration/session_worker.h"

using namespace evermilter;
using namespace evermilter::test;

namespace {

struct Build {
    const char* name;
    const char* complaint; // the worker's complaint; nullptr: this build works
};
std::ostream& operator<<(std::ostream& out, const Build& build) {
    return out << build.name;
}

const Build kBuilds[] = {
    {"poll", nullptr},
    {"fortified", nullptr},
    {"select", "built with select(2)"},
    {"threads", "built without the pool"},
};

} // namespace

BOOST_AUTO_TEST_SUITE(libmilter)

BOOST_DATA_TEST_CASE(a_worker_is_ready_only_with_a_library_that_serves_its_sessions, kBuilds, build) {
    SessionWorker worker(StartWith{std::string(EVERMILTER_MILTER_LIBRARIES) + '/' + build.name});
    if (build.complaint == nullptr) {
        (void)worker.expect<messages::SessionWorkerReady>();
        BOOST_TEST(!worker.has_come<messages::SessionEnded>()); // its own test's sessions are not reported
        auto client = worker.connect();
        client->quit();
        BOOST_TEST(worker.expect<messages::SessionEnded>().session == 1);
        return;
    }
    const auto failed = worker.expect<messages::SessionWorkerFailed>();
    BOOST_TEST(failed.error.starts_with("the installed libmilter cannot be used: "));
    BOOST_TEST(failed.error.find(build.complaint) != std::string::npos);
    BOOST_TEST(failed.exit_code == 78);
    BOOST_TEST(worker.wait_end() == 78);
    BOOST_TEST(!worker.log().empty());
}

BOOST_AUTO_TEST_SUITE_END()
