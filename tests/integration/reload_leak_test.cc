// Two hundred reloads in a row under load and with sessions held open: none of them leaves anything, and there are
// never more than two loaders at once.
#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <map>
#include <sstream>
#include <string>
#include <thread>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"
#include "tests/support/traffic.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

constexpr int kReloads = 200;

// A sanitizer keeps freed memory; it reports leaks itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeepsFreedMemory = true;
#else
constexpr bool kKeepsFreedMemory = false;
#endif

std::uint64_t resident_kib(pid_t pid) {
    const std::string text = status_field(pid, "VmRSS");
    return text.empty() ? 0 : std::stoull(text);
}

// What the log says of children that nobody had ended.
std::string deaths(const std::string& log) {
    std::istringstream lines(log);
    std::string found;
    for (std::string line; std::getline(lines, line);)
        if (line.find("-died ") != std::string::npos) found += line + '\n';
    return found;
}

// Watches the supervisor's children all the time; counts the most loaders that were alive at once.
class LoaderCount {
  public:
    explicit LoaderCount(pid_t supervisor) : thread_([this, supervisor] { look(supervisor); }) {}
    ~LoaderCount() { finish(); }
    LoaderCount(const LoaderCount&) = delete;
    LoaderCount& operator=(const LoaderCount&) = delete;
    std::size_t finish() {
        end_.store(true);
        if (thread_.joinable()) thread_.join();
        return most_.load();
    }
    [[nodiscard]] std::size_t looks() const { return looks_.load(); }

  private:
    void look(pid_t supervisor) {
        while (!end_.load()) {
            std::size_t loaders = 0;
            for (const Process& one : children(supervisor))
                if (one.name.starts_with("evermilter-scan") && one.state != 'Z') ++loaders;
            most_.store(std::max(most_.load(), loaders));
            ++looks_;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    std::atomic<bool> end_{false};
    std::atomic<std::size_t> most_{0};
    std::atomic<std::size_t> looks_{0};
    std::thread thread_; // last: it uses the others
};

} // namespace

BOOST_AUTO_TEST_SUITE(reload_leak_test)

BOOST_AUTO_TEST_CASE(two_hundred_reloads_under_load_leak_nothing_and_never_have_three_loaders) {
    // Some sessions are in mid-message for as long as 200 reloads take.
    Service service(Keys{{"timeouts.body", "\"1h\""}});
    service.start();
    std::vector<MilterClient> held;
    for (int i = 0; i < 10; ++i) {
        held.push_back(service.session());
        if (i % 2 == 0)
            held.back().upload(eicar_in_body());
        else
            BOOST_REQUIRE(held.back().message(clean_mail("held")).status() == "Clean");
    }
    StatusClient operators(service.status_path());
    const auto reload = [&] {
        const json answer = operators.ask("reload --force");
        BOOST_REQUIRE_MESSAGE(answer.at("ok") == true, answer);
        return answer.at("generation").get<std::uint64_t>();
    };
    const auto settle = [&] {
        service.wait_status("only one generation is in memory", [](const json& status) {
            std::size_t loaders = 0;
            for (const auto& one : status.at("workers"))
                if (one.at("role") == "loader") ++loaders;
            return loaders == 1 && status.at("sessions").at("open") == 10;
        });
    };

    LoaderCount loaders(service.pid());
    Holdings before;
    std::uint64_t resident_before = 0;
    std::uint64_t last = 0;
    {
        Traffic one(service, 1);
        Traffic two(service, 2);
        for (int round = 0; round < kReloads; ++round) {
            last = reload();
            if (round == 20) resident_before = resident_kib(service.pid()); // tables have reached their size by now
        }
        for (Traffic* traffic : {&one, &two}) {
            traffic->finish();
            BOOST_TEST(traffic->wrong() == "");
            BOOST_TEST(traffic->right() > 0U);
            BOOST_TEST(traffic->tempfailed() == 0U);
            BOOST_TEST(traffic->cut() == 0U);
        }
    }
    BOOST_TEST(loaders.finish() <= 2U);
    BOOST_TEST(loaders.looks() > 100U);
    BOOST_TEST(last >= static_cast<std::uint64_t>(kReloads));

    // The sessions that were held all the time move on, and none was cut.
    for (std::size_t i = 0; i < held.size(); ++i) {
        if (i % 2 == 0)
            BOOST_TEST(held[i].end_of_message().text().starts_with("550 "));
        else
            BOOST_TEST(held[i].message(clean_mail("held to the end")).status() == "Clean");
    }
    const std::uint64_t resident_after = resident_kib(service.pid());
    BOOST_TEST((kKeepsFreedMemory || resident_after <= resident_before + 2048),
               resident_before << " KiB, then " << resident_after);
    // Without traffic, five more reloads change nothing: there is the same number of everything.
    const auto counted = [&] {
        for (MilterClient& client : held) client.quit_nc(), client.connect(), client.helo();
        settle();
        wait_no_message(service);
        return holdings(service);
    };
    before = counted();
    for (int round = 0; round < 5; ++round) reload();
    const Holdings after = counted();
    BOOST_TEST(after.processes == before.processes);
    BOOST_TEST(after.processes == 1U + 2U + 2U + 2U); // supervisor, session workers, loader and standby, scanners
    BOOST_TEST(after.memfds == before.memfds);
    BOOST_TEST(after.deleted_files == before.deleted_files);
    for (const pid_t pid : service.pids("session")) BOOST_TEST(after.descriptors.at(pid) == before.descriptors.at(pid));
    // The supervisor closes its side of our status connections a moment later.
    wait_until("the supervisor holds as many descriptors as before",
               [&] { return holdings(service).descriptors.at(service.pid()) <= before.descriptors.at(service.pid()); });
    BOOST_TEST(after.descriptors.at(service.pid()) < 40U); // it holds nothing of 200 generations

    const json status = service.status();
    BOOST_TEST(status.at("generations").size() <= 9U); // the active one and the history
    BOOST_TEST(status.at("messages").at("error") == 0);
    BOOST_TEST((status.at("crashes") == json{{"session", 0}, {"loader", 0}, {"standby", 0}, {"scanner", 0}}),
               status.at("crashes") << '\n'
                                    << deaths(service.log()));
    // A loader removes the oldest snapshot after it has said that it is ready.
    wait_until("database.keep snapshots are left, the active one, and one that was draining", [&] {
        const auto names = entries_below(service.state_directory() / "snapshots");
        return std::count_if(names.begin(), names.end(),
                             [](const std::string& name) { return name.find('/') == std::string::npos; }) <= 5;
    });
    BOOST_TEST(entries_below(service.temp_directory()).size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
