// A load beside what serves takes only CPU time that nobody else wants, and is none the less done.
#include <sched.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/integration/reloading.h"
#include "tests/support/busy_cpu.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

constexpr unsigned kBulkSignatures = 200'000;

bool binds_idle_thread(const BusyCpu& busy, pid_t loader) {
    const auto threads = threads_of(loader);
    return std::any_of(threads.begin(), threads.end(),
                       [&](pid_t thread) { return ::sched_getscheduler(thread) == SCHED_IDLE && busy.take(thread); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(reload_priority_test)

BOOST_AUTO_TEST_CASE(a_load_that_gets_no_cpu_is_begun_again_and_its_caller_sees_one_reload) {
    Service service;
    write_bulk_database(service.database(), kBulkSignatures);
    service.start();
    const auto first = current(service);
    add_second_signature(service);
    const BusyCpu busy;
    StatusClient operators(service.status_path());
    operators.send("reload\n");
    service.wait_status("the load gets no CPU", [&](const json& status) {
        for (const auto& one : status.at("generations"))
            if (one.at("state") == "loading") return binds_idle_thread(busy, one.at("loader").get<pid_t>());
        return false;
    });
    const json done = json::parse(operators.receive_until('\n'));
    BOOST_TEST(done.at("ok") == true, done);
    BOOST_TEST(done.at("generation") == first + 2);
    BOOST_TEST(count_log(service, "event=load-starved") == 1U);
    MilterClient client = service.session();
    BOOST_TEST(client.message(second_mail()).text() == kSecondRejected);
    const json status = service.status();
    BOOST_TEST(status.at("state") == "ready");
    BOOST_TEST(status.at("crashes").at("loader") == 0);
    BOOST_TEST(state_of(status, first + 1).empty()); // no failure to report
}

BOOST_AUTO_TEST_SUITE_END()
