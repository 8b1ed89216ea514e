// How soon a dead process is replaced: at once, if it had served; no session need have ended for that.
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(restart_test)

BOOST_AUTO_TEST_CASE(session_workers_that_answered_messages_are_replaced_without_delay_however_often_they_die) {
    Service service;
    service.start();
    for (int round = 0; round < 8; ++round) {
        MilterClient client = service.session();
        BOOST_TEST(client.message(clean_mail("round")).status() == "Clean");
        const json document = ask(service, "sessions");
        kill(document.at("sessions").at(0).at("worker").get<pid_t>(), SIGKILL);
        client.wait_closed();
        service.wait_status("the session is gone",
                            [](const json& status) { return status.at("sessions").at("open") == 0; });
    }
    BOOST_TEST(count_log(service, "event=session-worker-died") == 8U);
    BOOST_TEST(count_log(service, "event=session-worker-failed") == 8U);
    for (int failures = 2; failures <= 8; ++failures) // in a row, which would double the delay each time
        BOOST_TEST(count_log(service, " failures=" + std::to_string(failures)) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
