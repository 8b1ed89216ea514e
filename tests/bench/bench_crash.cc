// What the crash of a scanner costs the message that it had taken:
//     bench_crash [SIGNATURES]          (default: 8,000,000; EVERMILTER_BENCH_DATABASE reuses a folder)
// Under a closed loop of mail, a scanner that is scanning gets SIGSEGV every half second. Prints the time from the
// signal to the verdict of the message that was tried once more, median and longest, and whether any message was
// affected in another way. Exits 1 if one was.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/database.h"
#include "tests/bench/load.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned kCrashes = 60;

// The load. Each message has its own queue id, so that the log shows which messages were tried again.
class Mail {
  public:
    Mail(const test::Service& service, unsigned connections) {
        for (unsigned i = 0; i < connections; ++i) threads_.emplace_back([this, &service, i] { send(service, i); });
    }
    void finish() {
        done_ = true;
        threads_.clear();
    }
    [[nodiscard]] std::uint64_t answered() const { return ends_.size(); }
    [[nodiscard]] std::uint64_t failures() const { return failures_; }
    // When the verdict of a message came. Call it after finish().
    [[nodiscard]] Clock::time_point end_of(const std::string& queue_id) const { return ends_.at(queue_id); }

  private:
    void send(const test::Service& service, unsigned connection) {
        test::MilterClient client(service.milter_address());
        client.open();
        for (std::uint64_t number = 0; !done_; ++number) {
            test::Envelope envelope;
            envelope.queue_id = "c" + std::to_string(connection) + "m" + std::to_string(number);
            const bool infected = number % 20 == 0;
            const auto verdict = client.message(
                bench::varied_mail(4000, std::uint64_t{connection} * 1'000'003 + number, infected), envelope);
            const auto now = Clock::now();
            const std::lock_guard lock(mutex_);
            ends_.emplace(envelope.queue_id, now);
            if (infected ? !verdict.text().starts_with("550 ") : verdict.text() != "accept") ++failures_;
        }
        client.quit();
    }

    std::atomic<bool> done_{false};
    std::mutex mutex_;
    std::map<std::string, Clock::time_point> ends_;
    std::uint64_t failures_ = 0;
    std::vector<std::jthread> threads_;
};

// Sends SIGSEGV to a scanner that has a message; returns when.
Clock::time_point crash_one(const test::Service& service) {
    for (;;) {
        const auto status = service.status();
        for (const auto& generation : status.at("generations")) {
            for (const auto& scanner : generation.at("scanners")) {
                if (scanner.at("scans_running") == 0) continue;
                const auto now = Clock::now();
                if (kill(scanner.at("pid").get<pid_t>(), SIGSEGV) == 0) return now;
            }
        }
    }
}

// The value of `key` in a line of the log, "" if it has none.
std::string value_of(const std::string& line, const std::string& key) {
    const auto begin = line.find(" " + key + "=");
    if (begin == std::string::npos) return "";
    const auto from = begin + key.size() + 2;
    return line.substr(from, line.find(' ', from) - from);
}

} // namespace

int main(int argc, char** argv) {
    const std::string signatures = argc > 1 ? argv[1] : "8000000";
    const test::Folder folder;
    const std::filesystem::path database = bench::database(folder, signatures);

    const unsigned scanners = std::thread::hardware_concurrency();
    test::Service service({{"database.directory", "\"" + database.string() + "\""},
                           {"scanner.processes", std::to_string(scanners)},
                           {"scanner.temp_directory", "\"/dev/shm/" + folder.path().filename().string() + "\""},
                           {"log.level", "\"info\""}});
    service.start();
    std::printf("%u scanners, %s signatures\n", scanners,
                service.status().at("generations").back().at("signatures").dump().c_str());

    Mail mail(service, 2 * scanners);
    std::this_thread::sleep_for(2s);
    std::vector<Clock::time_point> crashes;
    for (unsigned i = 0; i < kCrashes; ++i) {
        crashes.push_back(crash_one(service));
        std::this_thread::sleep_for(500ms);
    }
    mail.finish();

    std::vector<double> delays; // milliseconds
    std::istringstream log(service.log());
    for (std::string line; std::getline(log, line);) {
        if (line.find("event=message ") == std::string::npos || value_of(line, "retries") != "1") continue;
        const auto end = mail.end_of(value_of(line, "queue_id"));
        const auto crash = std::upper_bound(crashes.begin(), crashes.end(), end);
        if (crash == crashes.begin()) continue;
        delays.push_back(std::chrono::duration<double, std::milli>(end - *std::prev(crash)).count());
    }
    std::sort(delays.begin(), delays.end());
    std::printf("%llu messages, %zu crashes, %zu messages tried again, %llu failures\n",
                static_cast<unsigned long long>(mail.answered()), crashes.size(), delays.size(),
                static_cast<unsigned long long>(mail.failures()));
    if (!delays.empty())
        std::printf("from SIGSEGV to the retried message's verdict: median %.1f ms, max %.1f ms\n",
                    delays[delays.size() / 2], delays.back());
    service.stop();
    return mail.failures() == 0 && !delays.empty() ? 0 : 1;
}
