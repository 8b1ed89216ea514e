// The kernel kills a process for want of memory, in a control group with a limit: it is a scanner, because of the
// processes' scores, and its message is tried again. standby_test checks the same order for a whole machine.
#include <boost/test/unit_test.hpp>

#include "tests/integration/reloading.h"
#include "tests/support/memory_group.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/traffic.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

constexpr std::uint64_t kMiB = 1024UL * 1024;

} // namespace

BOOST_AUTO_TEST_SUITE(oom_test)

BOOST_AUTO_TEST_CASE(a_message_too_large_for_the_memory_costs_scanners_and_is_deferred_and_all_else_goes_on) {
    const MemoryGroup group;
    Service service;
    {
        const MemoryGroup::Visit inside(group);
        service.start();
    }
    const auto sessions = service.pids("session");
    const auto loader = service.pids("loader");
    const auto standby = service.pids("standby");
    Traffic traffic(service, 0);
    traffic.more(20);
    MilterClient held = service.session();
    // Its lines alone take libclamav more than twice the memory that is left.
    const std::string mail =
        multipart_mail({text_part("large"), attachment("noise.bin", noise(28 * kMiB, 1)), attachment("e", eicar())});
    BOOST_REQUIRE(held.upload(mail).command == 'c');
    group.limit(group.held() + 24 * kMiB);
    const std::string text = held.end_of_message().text();
    BOOST_TEST(text.starts_with("451 "), text);
    // It was tried twice, each time by another scanner.
    BOOST_TEST(group.kills() == 2U);
    const json status = service.wait_status(
        "both are told", [](const json& now) { return now.at("crashes").at("scanner").get<int>() >= 2; });
    const json& crashes = status.at("crashes");
    BOOST_TEST(crashes.at("scanner") == 2, crashes);
    BOOST_TEST(crashes.at("session") == 0, crashes);
    BOOST_TEST(crashes.at("loader") == 0, crashes);
    BOOST_TEST(crashes.at("standby") == 0, crashes);
    traffic.more(20);
    traffic.finish();
    BOOST_TEST(traffic.wrong() == "");
    BOOST_TEST(traffic.tempfailed() == 0U);
    BOOST_TEST(traffic.cut() == 0U);
    BOOST_TEST(held.message(eicar_in_zip()).text().starts_with("550 "));
    BOOST_TEST(service.pids("session") == sessions, boost::test_tools::per_element());
    BOOST_TEST(service.pids("loader") == loader, boost::test_tools::per_element());
    BOOST_TEST(service.pids("standby") == standby, boost::test_tools::per_element());
    held.close();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
