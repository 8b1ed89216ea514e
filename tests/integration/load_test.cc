// Many messages at once: no wrong verdict, and nothing is left afterwards that was not there before.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <mutex>
#include <thread>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;

namespace {

constexpr int kConnections = 32, kMessages = 5000, kInfectedEvery = 50;

std::string mail_of(int number) {
    const std::string name = "message " + std::to_string(number);
    const auto seed = static_cast<unsigned>(number);
    if (number % kInfectedEvery == 0) {
        switch (number / kInfectedEvery % 4) {
            case 0:
                return eicar_in_body();
            case 1:
                return multipart_mail({text_part(name), attachment("eicar.com", eicar())});
            case 2:
                return multipart_mail({text_part(name), attachment("e.zip", zip({{name, name}, {"e.com", eicar()}}))});
            default:
                return forwarded(eicar_attached());
        }
    }
    return number % 5 == 0 ? multipart_mail({text_part(name), attachment("data.bin", noise(4000, seed))})
                           : clean_mail(name + "\r\n" + base64(noise(1500, seed)));
}

} // namespace

BOOST_AUTO_TEST_SUITE(load_test)

BOOST_AUTO_TEST_CASE(of_5000_messages_over_32_connections_none_gets_a_wrong_verdict_and_nothing_leaks) {
    Service service;
    service.start();
    const std::string rejected = std::string("550 5.7.1 virus found: ") + kEicarName;
    service.session().message(clean_mail("first")); // so that things that are made only once exist already
    wait_until("idle", [&] { return service.status().at("sessions").at("open") == 0; });
    wait_no_message(service);
    const Holdings before = holdings(service);
    const std::vector<std::string> files = entries_below(service.temp_directory());

    std::atomic<int> next{0};
    std::mutex lock;
    std::vector<std::string> wrong;
    std::vector<std::thread> threads;
    for (int connection = 0; connection < kConnections; ++connection) {
        threads.emplace_back([&, connection] {
            try {
                MilterClient client = service.session(Offer::of_version(connection % 4 == 0 ? 2 : 6));
                for (int number = next++; number < kMessages; number = next++) {
                    Envelope envelope;
                    envelope.queue_id = "Q" + std::to_string(number);
                    const Verdict verdict = client.message(mail_of(number), envelope);
                    const bool right = number % kInfectedEvery == 0
                                           ? verdict.text() == rejected
                                           : verdict.text() == "accept" && verdict.status() == "Clean";
                    if (right) continue;
                    const std::lock_guard guard(lock);
                    wrong.push_back(envelope.queue_id + ": " + verdict.text() + " " + verdict.status());
                }
                client.quit();
            } catch (const std::exception& error) {
                const std::lock_guard guard(lock);
                wrong.emplace_back(error.what());
            }
        });
    }
    for (std::thread& one : threads) one.join();
    for (const std::string& one : wrong) BOOST_ERROR(one);

    wait_until("no session is open", [&] { return service.status().at("sessions").at("open") == 0; });
    const nlohmann::json messages = service.status().at("messages");
    BOOST_TEST(messages.at("infected") == kMessages / kInfectedEvery);
    BOOST_TEST(messages.at("clean") == kMessages - kMessages / kInfectedEvery + 1);
    BOOST_TEST(messages.at("error") == 0);

    // Scanners are replaced after scanner.max_jobs, so pids may differ, but not the number of scanners or what they
    // hold.
    wait_until("nothing is held that was not held before", [&] {
        const Holdings after = holdings(service);
        std::size_t descriptors_before = 0;
        std::size_t descriptors_after = 0;
        for (const auto& [pid, count] : before.descriptors) descriptors_before += count;
        for (const auto& [pid, count] : after.descriptors) descriptors_after += count;
        return after.processes == before.processes && after.memfds == before.memfds &&
               after.deleted_files == before.deleted_files && descriptors_after <= descriptors_before;
    });
    BOOST_TEST(entries_below(service.temp_directory()) == files, boost::test_tools::per_element());
    BOOST_TEST(entries_below(service.spool_directory()).empty());
    BOOST_TEST(service.stop() == 0);
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

BOOST_AUTO_TEST_SUITE_END()
