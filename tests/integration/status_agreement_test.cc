// Status, metrics and clamd's STATS of a real service say the same where they are computed from what is left of it.
#include <sched.h>

#include <boost/test/unit_test.hpp>
#include <sstream>

#include "tests/integration/reloading.h"
#include "tests/support/limited.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

// The sum of all samples of a metric.
unsigned metric(const Service& service, const std::string& name) {
    std::istringstream lines(service.ctl({"metrics"}).output);
    unsigned sum = 0;
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name + '{')) sum += static_cast<unsigned>(std::stoul(line.substr(line.rfind(' '))));
    return sum;
}

// How many samples a metric has.
unsigned samples(const Service& service, const std::string& name) {
    std::istringstream lines(service.ctl({"metrics"}).output);
    unsigned count = 0;
    for (std::string line; std::getline(lines, line);) count += line.starts_with(name + '{') ? 1U : 0U;
    return count;
}

// The number behind `word` in clamd's STATS.
unsigned stats(const Service& service, const std::string& word) {
    StatusClient client(service.status_path());
    client.send("nSTATS\n");
    const std::string text = client.receive_all();
    const std::size_t at = text.find(word);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, text);
    return static_cast<unsigned>(std::stoul(text.substr(at + word.size())));
}

// In the child, before its exec: only the first CPU that it may use.
void take_first_cpu() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    cpu_set_t first;
    CPU_ZERO(&first);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        CPU_SET(cpu, &first);
        break;
    }
    static_cast<void>(::sched_setaffinity(0, sizeof first, &first));
}

} // namespace

BOOST_AUTO_TEST_SUITE(status_agreement_test)

BOOST_AUTO_TEST_CASE(scanners_whose_loader_and_standby_are_dead_stand_in_all_three) {
    Service service({}, As::ordinary_user);
    service.start();
    const auto first = current(service);
    const auto [loader, standby] = loader_and_standby(service, first);
    const Limited none(service.pid(), RLIMIT_NPROC, 0); // nobody can follow them
    kill_all({loader, standby});
    const json status = service.wait_status("both are reaped", [&](const json& now) {
        const json one = generation(now, first);
        return one.at("loader") == 0 && one.at("standby") == 0 && now.at("state") == "degraded";
    });
    BOOST_TEST(generation(status, first).at("scanners").size() == 2U);
    BOOST_TEST(service.pids("scanner").size() == 2U);
    BOOST_TEST(metric(service, "evermilter_scanners") == 2U);
    BOOST_TEST(samples(service, "evermilter_generation_signatures") == 1U);
    BOOST_TEST(stats(service, "THREADS: live ") == 2U);
    BOOST_TEST(stats(service, " max ") == 2U);
    BOOST_TEST(stats(service, " pools ") == 1U);
    BOOST_TEST(stats(service, " pools_used ") > 0U); // read from a scanner
}

BOOST_AUTO_TEST_CASE(a_cpu_affinity_mask_gives_as_many_scanners_as_all_three_say) {
    Service service(Keys{{"scanner.processes", ""}});
    Manager manager;
    manager.at_last = take_first_cpu;
    service.launch(manager);
    service.wait_ready();
    BOOST_TEST(generation(service.status(), current(service)).at("scanners").size() == 1U);
    BOOST_TEST(metric(service, "evermilter_scanners") == 1U);
    BOOST_TEST(stats(service, "THREADS: live ") == 1U);
    BOOST_TEST(stats(service, " max ") == 1U);
}

BOOST_AUTO_TEST_CASE(every_counter_of_the_status_is_a_metric_with_the_same_number) {
    Service service;
    service.start();
    MilterClient client = service.session();
    client.message(clean_mail());
    client.message(eicar_attached());
    wait_until("the second message is counted", [&] { return service.status().at("messages").at("infected") == 1; });
    const json status = service.status();
    const std::string text = '\n' + service.ctl({"metrics"}).output;
    const auto same = [&](const std::string& sample, const json& value) {
        BOOST_TEST(text.find('\n' + sample + ' ' + value.dump() + '\n') != std::string::npos, sample << ' ' << value);
    };
    for (const auto& [reason, count] : status.at("sessions").at("refused_total").items())
        same("evermilter_connections_refused_total{reason=\"" + reason + "\"}", count);
    for (const auto& [stage, count] : status.at("sessions").at("timed_out_total").items())
        same("evermilter_sessions_timed_out_total{stage=\"" + stage + "\"}", count);
    for (const auto& [finding, count] : status.at("messages").at("findings").items())
        same("evermilter_messages_findings_total{finding=\"" + finding + "\"}", count);
    for (const auto& [role, count] : status.at("crashes").items())
        same("evermilter_crashes_total{role=\"" + role + "\"}", count);
    BOOST_TEST(status.at("messages").at("findings").at("clean") == 1);
    BOOST_TEST(status.at("messages").at("findings").at("infected") == 1);
    same("evermilter_scans_total", status.at("scans").at("total"));
    same("evermilter_reloads_total{result=\"ok\"}", status.at("reloads").at("ok"));
    BOOST_TEST(status.at("reloads").at("ok") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
