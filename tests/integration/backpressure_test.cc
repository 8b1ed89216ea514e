// More mail than can be scanned or kept: each message gets a 4xx in time, no message is scanned after its client has
// given up, and none is falsely clean.
#include <sched.h>
#include <sys/mount.h>

#include <csignal>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/support/capture.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

std::string mail_of(std::size_t bytes, unsigned seed) {
    return multipart_mail({text_part("large"), attachment("noise.bin", noise(bytes, seed))});
}

std::size_t unlinked_files(const Service& service) {
    return holdings(service).deleted_files;
}

// Upload commands get no answer, so this waits until session workers have written so many bytes. They hold back up to
// 32 KiB of each message.
void wait_stored(const Service& service, std::uintmax_t bytes) {
    wait_until("it is stored", [&] {
        std::uintmax_t stored = 0;
        for (const pid_t worker : service.pids("session"))
            for (const Descriptor& one : descriptors(worker))
                if (one.message() || one.deleted_file()) stored += read_descriptor(worker, one.number).size();
        return stored >= bytes;
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(backpressure_test)

BOOST_AUTO_TEST_CASE(messages_that_no_scanner_takes_in_time_get_a_4xx_and_are_not_scanned_later) {
    Service service(Keys{{"scanner.processes", "1"},
                         {"scanner.queue_timeout", "\"500ms\""},
                         {"scanner.max_scan_time", "\"3s\""},
                         {"scanner.pcre_match_limit", "4000000000"},
                         {"scanner.pcre_rec_match_limit", "1000000"},
                         {"reload.pin", "\"scan\""}});
    write_slow_database(service.database());
    service.start();
    const pid_t scanner = service.pids("scanner").at(0);
    {
        const Stopped stopped({scanner});
        std::vector<MilterClient> clients;
        for (unsigned number = 0; number < 8; ++number) {
            clients.push_back(service.session());
            // A scan that does not end: a scanner that begins it is killed.
            clients.back().upload(ordinary_headers(std::to_string(number)) + "\r\n" + slow_text(40) + "\r\n");
        }
        for (MilterClient& client : clients) client.send('E');
        for (MilterClient& client : clients) {
            const Verdict verdict = client.receive_verdict();
            BOOST_TEST(verdict.text().starts_with("451 4.7.1"), verdict.text());
            BOOST_TEST(verdict.status() != "Clean");
        }
    }
    MilterClient client = service.session();
    wait_until("messages are scanned again", [&] { return client.message(clean_mail()).status() == "Clean"; });
    BOOST_TEST(alive(scanner));
    BOOST_TEST(service.pids("scanner") == std::vector<pid_t>{scanner});
    BOOST_TEST(service.status().at("messages").at("error").get<int>() >= 8);
}

BOOST_AUTO_TEST_CASE(past_the_memory_budget_messages_are_spooled_and_all_workers_share_it) {
    Service service(Keys{{"message.memory_budget", "\"1MiB\""}, {"workers.session_min", "3"}});
    service.start();
    std::vector<MilterClient> clients;
    for (unsigned number = 0; number < 6; ++number) {
        clients.push_back(service.session());
        BOOST_TEST(clients.back().upload(mail_of(500'000, number)).command == 'c');
    }
    // 685 KB each in base64: no two fit, whichever worker has them.
    wait_until("five are spooled", [&] { return unlinked_files(service) == 5; });
    for (MilterClient& client : clients) BOOST_TEST(client.end_of_message().status() == "Clean");
    wait_no_message(service);
    BOOST_TEST(clients.front().upload(mail_of(400'000, 9)).command == 'c');
    wait_stored(service, 500'000);
    BOOST_TEST(unlinked_files(service) == 0U); // the budget was given back
}

BOOST_AUTO_TEST_CASE(a_killed_session_worker_gives_its_part_of_the_memory_budget_back) {
    Service service(Keys{{"message.memory_budget", "\"600KiB\""}, {"workers.session_min", "1"}});
    service.start();
    const pid_t worker = service.pids("session").at(0);
    MilterClient lost = service.session();
    BOOST_TEST(lost.upload(mail_of(400'000, 1)).command == 'c');
    wait_stored(service, 500'000);
    BOOST_TEST(unlinked_files(service) == 0U);
    kill(worker, SIGKILL);
    lost.wait_closed();
    service.wait_status("another worker", [&](const nlohmann::json& status) {
        for (const auto& one : status.at("workers"))
            if (one.at("role") == "session" && one.at("pid") != worker && one.at("state") == "ready") return true;
        return false;
    });
    MilterClient next = service.session();
    BOOST_TEST(next.upload(mail_of(400'000, 2)).command == 'c');
    wait_stored(service, 500'000);
    BOOST_TEST(unlinked_files(service) == 0U);
    BOOST_TEST(next.end_of_message().status() == "Clean");
}

BOOST_AUTO_TEST_CASE(past_memory_budget_and_spool_a_message_gets_a_4xx) {
    if (!is_root()) not_possible("an own mount needs root");
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        not_possible("this machine allows no mount");
    Service service(Keys{{"message.memory_budget", "\"256KiB\""}});
    fs::create_directory(service.spool_directory());
    const std::string options = "size=1m,mode=0700,uid=" + std::to_string(service.user().user);
    if (mount("tmpfs", service.spool_directory().c_str(), "tmpfs", 0, options.c_str()) != 0)
        not_possible("this machine allows no mount");
    service.start();
    MilterClient client = service.session();
    for (const bool infected : {false, true}) {
        std::vector<Part> parts = {text_part("large"), attachment("noise.bin", noise(2'000'000, 1))};
        if (infected) parts.push_back(attachment("eicar.com", eicar()));
        const Verdict verdict = client.message(multipart_mail(parts));
        BOOST_TEST(verdict.text().starts_with("451 4.7.1"), verdict.text());
        BOOST_TEST(verdict.status() != "Clean");
    }
    service.wait_log({"finding=store-failed"});
    // The failed messages have freed their room.
    BOOST_TEST(client.message(mail_of(400'000, 3)).status() == "Clean");
    BOOST_TEST(client.message(eicar_attached()).text().starts_with("550 5.7.1"));
    client.quit();
    BOOST_TEST(service.stop() == 0);
    umount2(service.spool_directory().c_str(), MNT_DETACH);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_worker_with_room_is_closed_in_time_and_at_once_when_it_hangs_up) {
    Service service(Keys{{"workers.session_min", "1"},
                         {"workers.session_max", "1"},
                         {"workers.sessions_per_worker", "2"},
                         {"timeouts.negotiate", "\"3s\""}});
    service.start();
    std::vector<MilterClient> full;
    for (int count = 0; count < 2; ++count) full.push_back(service.session());
    const auto sessions = [&] { return service.status().at("sessions").at("open").get<unsigned>(); };
    const auto refused = [&] { return service.status().at("sessions").at("refused_total").value("no_worker", 0U); };
    const std::string negotiation("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff", 12);
    MilterClient stays = service.client();
    stays.send('O', negotiation);
    {
        MilterClient leaves = service.client();
        leaves.send('O', negotiation);
        wait_until("both wait", [&] { return sessions() == 4; });
    }
    wait_until("the one that has hung up is gone", [&] { return sessions() == 3; });
    BOOST_TEST(refused() == 0U);
    wait_until("the other is closed", [&] { return sessions() == 2; });
    BOOST_TEST(refused() == 1U);
    service.wait_log({"connection-refused", "no_worker", "timeouts.negotiate"});
    full.front().close();
    BOOST_TEST(service.session().message(clean_mail("there is room")).status() == "Clean");
}

BOOST_AUTO_TEST_SUITE_END()
