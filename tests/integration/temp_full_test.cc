// A temp directory without room: an own small tmpfs, in a mount namespace of the test alone, is filled to the brim.
#include <sched.h>
#include <sys/mount.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

// A service whose temp directory is a tmpfs of its own, of 4 MiB.
struct SmallTemp : Service {
    SmallTemp() : Service(Keys{{"scanner.temp_size", "\"1MiB\""}, {"scanner.processes", "1"}}) {
        if (!is_root()) not_possible("an own mount needs root");
        if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            not_possible("this machine allows no mount");
        fs::create_directory(temp_directory());
        const std::string options = "size=4m,mode=0700,uid=" + std::to_string(user().user);
        if (mount("tmpfs", temp_directory().c_str(), "tmpfs", 0, options.c_str()) != 0)
            not_possible("this machine allows no mount");
        start();
    }
    ~SmallTemp() { umount2(temp_directory().c_str(), MNT_DETACH); }
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
    BOOST_TEST(status.at("crashes").at("scanner") == 0); // nobody's fault but the message's
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_full_temp_directory_never_makes_a_message_clean) {
    SmallTemp service;
    MilterClient client = service.session();
    BOOST_TEST(client.message(clean_mail("before")).status() == "Clean");

    // Root fills it until nothing goes in any more.
    const fs::path filler = service.temp_directory() / "filler";
    std::ofstream file(filler, std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
    file.close();
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

BOOST_AUTO_TEST_SUITE_END()
