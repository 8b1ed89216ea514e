// A temp directory without room: a small tmpfs of its own, in a mount namespace of the test alone, is filled
// completely.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/own_mount.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

// A service whose temp directory is a tmpfs of its own, of 4 MiB.
struct SmallTemp : Service {
    SmallTemp() : Service(Keys{{"scanner.temp_size", "\"1MiB\""}, {"scanner.processes", "1"}}) { start(); }
    OwnMount mount{temp_directory(), "size=4m,mode=0700,uid=" + std::to_string(user().user)};
};

} // namespace

BOOST_AUTO_TEST_SUITE(temp_full_test)

BOOST_AUTO_TEST_CASE(a_message_that_fills_an_empty_temp_directory_is_incomplete_each_time_it_comes) {
    SmallTemp service;
    MilterClient client = service.session();
    const std::string mail = multipart_mail({attachment("large.bin", noise(std::size_t{6} << 20U, 1))});
    for (int round = 0; round < 2; ++round) {
        const Verdict verdict = client.message(mail);
        BOOST_TEST(verdict.text() == "accept");
        BOOST_TEST(verdict.status() == "Not fully scanned (TempSize)");
        BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1 virus found"));
        BOOST_TEST(client.message(clean_mail(std::to_string(round))).status() == "Clean");
    }
    client.quit();
    const auto status = service.status();
    BOOST_TEST(status.at("messages").at("incomplete") == 2);
    BOOST_TEST(status.at("crashes").at("scanner") == 0); // only the message was at fault
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_full_temp_directory_never_makes_a_message_clean) {
    SmallTemp service;
    MilterClient client = service.session();
    BOOST_TEST(client.message(clean_mail("before")).status() == "Clean");

    const fs::path filler = service.mount.fill();
    for (int round = 0; round < 4; ++round) {
        const std::string seed = std::to_string(round);
        const Verdict infected = client.message(multipart_mail(
            {text_part("round " + seed), attachment("eicar.zip", zip({{"eicar.com", eicar()}, {"other", seed}}))}));
        BOOST_TEST(infected.text() != "accept");
        const Verdict attached = client.message(multipart_mail(
            {text_part("clean " + seed), attachment("noise.bin", noise(20000, 7U + static_cast<unsigned>(round)))}));
        BOOST_TEST(attached.status() != "Clean");
        BOOST_TEST(attached.text() != "accept");
    }
    fs::remove(filler);
    wait_until("messages are scanned again", [&] { return client.message(clean_mail("after")).status() == "Clean"; });
    BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1 virus found"));
    client.quit();
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_full_temp_directory_is_told_in_the_state_and_in_few_lines_and_its_end_is_seen) {
    SmallTemp service;
    MilterClient client = service.session();
    const fs::path filler = service.mount.fill();
    for (int round = 0; round < 3; ++round)
        BOOST_TEST(client.message(clean_mail(std::to_string(round))).text().starts_with("451 "));
    const auto status = service.wait_status("it is degraded", [](const auto& now) {
        return now.at("state") == "degraded" &&
               now.at("reason").template get<std::string>().find(" is full ") != std::string::npos;
    });
    BOOST_TEST(status.at("reason").get<std::string>().starts_with("scanner.temp_directory: "));
    service.wait_log({"scanner-temp-failed", "role=supervisor"});
    BOOST_TEST(service.status().at("crashes").at("scanner") == 0);
    for (const char* event : {"event=scanner-temp-failed", "event=folder-failed"})
        BOOST_TEST(count_log(service, event) == 1U, event);
    for (const char* event : {"event=scanner-died", "event=scanner-ended"})
        BOOST_TEST(count_log(service, event) == 0U, event);
    service.wait_log({"scan-failed", "role=scanner"}); // logged at debug
    fs::remove(filler);
    service.wait_status("it is well", [](const auto& now) { return now.at("state") == "ready"; });
    BOOST_TEST(client.message(clean_mail("after")).status() == "Clean");
    BOOST_TEST(service.status().at("state") == "ready");
}

BOOST_AUTO_TEST_SUITE_END()
