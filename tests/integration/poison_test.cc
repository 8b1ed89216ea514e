// Messages that kill scanners. We have no message that crashes libclamav, so a scanner that has such a message gets a
// real SIGSEGV from the test: whichever copy it is, in whichever scanner, as soon as its scan has begun.
#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"
#include "tests/support/waiting.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

// In the body of every poison message.
constexpr const char* kMark = "THIS-BODY-IS-POISON";
constexpr const char* kSkipped = "451 4.7.1 message cannot be scanned for viruses: scanners have failed on it";

// The limits that make slow_text() slow, so that a scan lasts until it is ended.
Keys slow_keys(Keys more = {}) {
    more.insert({{"scanner.pcre_match_limit", "4000000000"}, {"scanner.pcre_rec_match_limit", "1000000"}});
    return more;
}

// `number` changes the header; the body depends only on `cost`.
std::string poison_mail(int number, unsigned cost = 40) {
    return ordinary_headers("copy " + std::to_string(number)) + "\r\n" + kMark + "\r\n" + slow_text(cost) + "\r\n";
}

struct Slow : Service {
    explicit Slow(Keys more = {}) : Service(slow_keys(std::move(more))) {
        write_slow_database(database());
        start();
    }
    [[nodiscard]] json ask(const std::string& command) const { return StatusClient(status_path()).ask(command); }
    [[nodiscard]] json poison() const { return ask("poison").at("poison"); }
    // A session worker answers first and reports afterwards.
    void wait_counted(int copies) const {
        wait_until("each copy is counted", [&] { return poison().at(0).at("count") == copies; });
    }
    [[nodiscard]] Verdict answer(const std::string& mail) const {
        MilterClient client = session();
        return client.message(mail);
    }
};

// Sends SIGSEGV to each scanner that scans a poison message, while the object lives.
class Crashes {
  public:
    explicit Crashes(const Service& service)
        : thread_([this, &service] {
              std::vector<pid_t> before;
              while (!ended_) {
                  // The scanner was seen twice in a row: it has said Taken by then.
                  const std::vector<pid_t> now = scanners_with(service, kMark);
                  for (const pid_t pid : now) {
                      if (std::find(before.begin(), before.end(), pid) == before.end()) continue;
                      if (::kill(pid, SIGSEGV) == 0) ++count_;
                  }
                  before = now;
              }
          }) {}
    ~Crashes() {
        ended_ = true;
        thread_.join();
    }
    [[nodiscard]] int count() const { return count_; }

  private:
    std::atomic<bool> ended_{false};
    std::atomic<int> count_{0};
    std::thread thread_;
};

// Two crashes of two scanners: the first try and the retry.
void make_poison(const Slow& service) {
    const Crashes crashes(service);
    BOOST_TEST(service.answer(poison_mail(0)).text().starts_with("451 4.7.1 "));
    service.wait_log({"poison-message"});
}

} // namespace

BOOST_AUTO_TEST_SUITE(poison_test)

BOOST_AUTO_TEST_CASE(a_thousand_copies_among_good_mail_cost_the_first_scanners_and_no_good_mail) {
    constexpr int kCopies = 1000;
    constexpr int kSenders = 16;
    constexpr int kScanners = 4;
    const Slow service(Keys{{"scanner.processes", std::to_string(kScanners)}});
    std::mutex mutex; // Boost.Test cannot be used by several threads
    std::map<std::string, int> copies;
    std::map<std::string, int> good;
    std::atomic<int> next{0};
    std::atomic<int> senders{kSenders};
    {
        const Crashes crashes(service);
        std::vector<std::thread> threads;
        threads.reserve(kSenders + 1);
        for (int i = 0; i < kSenders; ++i)
            threads.emplace_back([&] {
                MilterClient client = service.session();
                for (int number = next++; number < kCopies; number = next++) {
                    const std::string text = client.message(poison_mail(number)).text();
                    const std::lock_guard lock(mutex);
                    ++copies[text];
                }
                --senders;
            });
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                MilterClient client = service.session();
                for (int number = 0; senders > 0; ++number) {
                    const std::string seed = std::to_string(i) + " of " + std::to_string(number);
                    const bool infected = number % 8 == 7;
                    const Verdict verdict = client.message(infected ? eicar_attached() : clean_mail(seed));
                    const std::string text = infected ? verdict.text().substr(0, 9) : verdict.status();
                    const std::lock_guard lock(mutex);
                    ++good[text];
                }
            });
        for (std::thread& thread : threads) thread.join();
    }
    const int skipped = copies[kSkipped];
    service.wait_counted(skipped);
    // The session worker reports the scan that died, and the loader reports the scanner after it has wiped its folder.
    const json status = service.wait_status("each death is told by both", [&](const json& now) {
        return now.at("crashes").at("scanner") == service.poison().at(0).at("scans_lost");
    });
    // The scans that ran when the second scanner died, and messages that a scanner took before that was known.
    const int crashed = status.at("crashes").at("scanner").get<int>();
    BOOST_TEST(crashed >= 2);
    BOOST_TEST(crashed <= 2 * kScanners);
    BOOST_TEST(skipped >= kCopies - 2 * kScanners);
    for (const auto& [text, count] : copies) BOOST_TEST(text.starts_with("451 4.7.1 "), text);
    BOOST_TEST(status.at("messages").at("skipped") == skipped);
    BOOST_TEST(status.at("messages").at("skipped_by").at("poison") == skipped);
    for (const auto& [text, count] : good) BOOST_TEST((text == "Clean" || text == "550 5.7.1"), text);

    BOOST_TEST(service.poison().size() == 1U);
    BOOST_TEST(status.at("crashes").at("session") == 0);
}

BOOST_AUTO_TEST_CASE(it_is_known_to_workers_that_come_later_and_answered_by_poison_action) {
    Slow service;
    make_poison(service);
    BOOST_TEST(service.answer(poison_mail(1)).text() == kSkipped);
    service.wait_log({"message", "verdict=skipped", "finding=poison"});
    service.wait_counted(1);

    // All session workers die, and with them everything that they knew.
    const auto workers = service.pids("session");
    for (const pid_t worker : workers) ::kill(worker, SIGKILL);
    service.wait_status("others are ready", [&](const json& now) {
        std::size_t ready = 0;
        for (const json& worker : now.at("workers")) {
            const bool old = std::find(workers.begin(), workers.end(), worker.at("pid").get<pid_t>()) != workers.end();
            if (worker.at("role") == "session" && worker.at("state") == "ready" && !old) ++ready;
        }
        return ready == workers.size();
    });
    BOOST_TEST(service.answer(poison_mail(2)).text() == kSkipped);

    service.set("poison.action", "\"reject\"");
    BOOST_TEST(service.ask("reload-config").at("ok") == true);
    BOOST_TEST(service.answer(poison_mail(3)).text() ==
               "550 5.7.1 message cannot be scanned for viruses: scanners have failed on it");
    service.set("poison.action", "\"quarantine\"");
    BOOST_TEST(service.ask("reload-config").at("ok") == true);
    const Verdict held = service.answer(poison_mail(4));
    BOOST_TEST(held.quarantined(), held.text());
    BOOST_TEST(held.status() == "Not scanned (poison message)");

    // The scanners of a new generation would die of it all the same, so the entry stays.
    BOOST_TEST(service.ask("reload --force").at("ok") == true);
    BOOST_TEST(service.answer(poison_mail(5)).quarantined());
    BOOST_TEST(service.answer(clean_mail()).status() == "Clean");
    service.wait_counted(5);

    // A change of poison.keep takes effect at once.
    service.set("poison.keep", "\"0s\"");
    BOOST_TEST(service.ask("reload-config").at("ok") == true);
    BOOST_TEST(service.poison().empty());
    BOOST_TEST(service.stop() == 0);
    BOOST_TEST(service.leftovers().empty());
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_is_scanned_again) {
    const Slow service;
    const std::string mail = poison_mail(0, 27); // some seconds, if nothing disturbs the scan
    {
        const Crashes crashes(service);
        BOOST_TEST(service.answer(mail).text().starts_with("451 4.7.1 "));
        service.wait_log({"poison-message"});
    }
    BOOST_TEST(service.answer(mail).text() == kSkipped);
    const std::string digest = service.poison().at(0).at("digest").get<std::string>();
    const Outcome list = service.ctl({"poison"});
    BOOST_TEST(list.status == 0);
    BOOST_TEST(list.output.find(digest.substr(0, 16)) != std::string::npos);
    BOOST_TEST(service.ctl({"poison", "forget", "0123456789abcdef"}).status == 1);
    BOOST_TEST(service.ctl({"poison", "forget", "none of it"}).status == 64);
    const Outcome forgotten = service.ctl({"poison", "forget", digest.substr(0, 16)});
    BOOST_TEST(forgotten.output == "1 poison message is forgotten\n");
    BOOST_TEST(service.ctl({"--json", "poison"}).output == "{\"poison\":[]}\n");
    BOOST_TEST(service.answer(mail).status() == "Clean");
    service.wait_log({"poison-forgotten", digest.substr(0, 16)});
}

BOOST_AUTO_TEST_CASE(different_messages_that_each_cost_a_scanner_are_not_poison) {
    const Slow service(Keys{{"scanner.retries", "0"}});
    const Crashes crashes(service);
    for (int number = 0; number < 4; ++number) {
        const std::string mail =
            ordinary_headers("one of many") + "\r\n" + kMark + std::to_string(number) + "\r\n" + slow_text(40) + "\r\n";
        BOOST_TEST(service.answer(mail).text().starts_with("451 4.7.1 "));
    }
    wait_until("all deaths are told", [&] { return service.status().at("crashes").at("scanner") == 4; });
    BOOST_TEST(service.poison().empty());
}

BOOST_AUTO_TEST_CASE(a_scan_that_hangs_at_the_cost_of_cpu_time_is_poison_the_second_time) {
    const Slow service(Keys{{"scanner.max_scan_time", "\"2s\""}});
    for (int number = 0; number < 2; ++number)
        BOOST_TEST(service.answer(poison_mail(number)).text().starts_with("451 4.7.1 scanner unavailable"));
    service.wait_log({"poison-message", "CPU time"});
    BOOST_TEST(service.answer(poison_mail(2)).text() == kSkipped);
    // And no message was tried twice.
    wait_until("both are killed", [&] { return service.status().at("crashes").at("scanner") == 2; });
}

BOOST_AUTO_TEST_CASE(a_scan_that_hangs_without_cpu_time_never_is) {
    const Slow service(Keys{{"scanner.max_scan_time", "\"5s\""}});
    for (int number = 0; number < 2; ++number) {
        MilterClient client = service.session();
        client.upload(poison_mail(number));
        client.send('E');
        stop_process(wait_taken(service, kMark));
        BOOST_TEST(client.receive_verdict().text().starts_with("451 4.7.1 scanner unavailable"));
        wait_until("it is killed", [&] { return service.status().at("crashes").at("scanner") == number + 1; });
    }
    BOOST_TEST(service.log().find("poison-") == std::string::npos);
    BOOST_TEST(service.poison().empty());
}

BOOST_AUTO_TEST_SUITE_END()
