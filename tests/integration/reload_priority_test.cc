// A load takes only the CPU time that the serving processes leave, and still gets done.
#include <sched.h>

#include <boost/test/unit_test.hpp>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

// Binds a process's threads to the first CPU that this one may use. Returns how many of them have the lowest priority.
unsigned bind_to_first_cpu(pid_t pid) {
    cpu_set_t allowed;
    BOOST_REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    unsigned first = 0;
    while (!CPU_ISSET(first, &allowed)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    unsigned lowest = 0;
    for (const pid_t thread : threads_of(pid)) {
        BOOST_REQUIRE(::sched_setaffinity(thread, sizeof one, &one) == 0);
        if (nice_value(thread) == 19) ++lowest;
    }
    return lowest;
}

} // namespace

BOOST_AUTO_TEST_SUITE(reload_priority_test)

BOOST_AUTO_TEST_CASE(a_load_to_which_scanners_leave_no_cpu_is_begun_again_and_its_caller_sees_one_reload) {
    Service service({{"scanner.processes", "1"},
                     {"scanner.pcre_match_limit", "4000000000"},
                     {"scanner.pcre_rec_match_limit", "1000000"}});
    write_bulk_database(service.database(), kBulk);
    write_slow_database(service.database());
    service.start();
    const auto first = current(service);
    MilterClient endless = service.session();
    endless.upload(multipart_mail({text_part(slow_text(40))}));
    endless.send('E');
    service.wait_status("the scan runs",
                        [&](const json& status) { return generation(status, first).at("scans_running") == 1; });
    BOOST_TEST(bind_to_first_cpu(service.pids("scanner").at(0)) == 0U);

    add_second_signature(service);
    StatusClient operators(service.status_path());
    operators.send("reload\n");
    pid_t loader = 0;
    service.wait_status("a loader is at work", [&](const json& status) {
        for (const auto& one : status.at("generations"))
            if (one.at("state") == "loading" && !one.at("step").get<std::string>().empty())
                loader = one.at("loader").get<pid_t>();
        return loader != 0;
    });
    stop_process(loader);
    BOOST_TEST(bind_to_first_cpu(loader) == 1U);
    continue_process(loader);

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
