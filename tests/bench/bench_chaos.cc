// Kills a random process every second, with a database of the official one's size:
//     bench_chaos [SIGNATURES [SECONDS]]     (default: 8,000,000 and 60; EVERMILTER_BENCH_DATABASE reuses a folder)
// Open loop at 40 % of capacity; each second one of the service's processes gets SIGKILL, except the supervisor. Prints
// how many of each role were killed, the figures of the load, and whether each promise was kept on this machine; exits
// 1 if one was not.
#include <chrono>
#include <csignal>
#include <future>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "tests/bench/database.h"
#include "tests/bench/load.h"
#include "tests/bench/report.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr double kShare = 0.4;

// Kills one of the processes that the status lists; returns its role.
std::string kill_one(const test::Service& service, std::minstd_rand& random) {
    const nlohmann::json workers = service.status().at("workers");
    std::uniform_int_distribution<std::size_t> any(0, workers.size() - 1);
    const nlohmann::json& victim = workers.at(any(random));
    kill(victim.at("pid").get<pid_t>(), SIGKILL);
    return victim.at("role").get<std::string>();
}

// As the supervisor has logged for the session workers that died.
double sessions_lost(const test::Service& service) {
    const std::string field = " sessions_lost=";
    std::istringstream lines(service.log());
    double lost = 0;
    for (std::string line; std::getline(lines, line);)
        if (const auto at = line.find(field); at != std::string::npos)
            lost += std::stod(line.substr(at + field.size()));
    return lost;
}

} // namespace

int main(int argc, char** argv) {
    const std::string signatures = argc > 1 ? argv[1] : "8000000";
    const std::chrono::seconds duration(argc > 2 ? std::stoul(argv[2]) : 60);
    const test::Folder folder;
    const unsigned scanners = std::thread::hardware_concurrency();
    test::Service service({{"database.directory", '"' + bench::database(folder, signatures).string() + '"'},
                           {"scanner.processes", std::to_string(scanners)},
                           {"scanner.temp_directory", "\"/dev/shm/" + folder.path().filename().string() + "\""},
                           {"scanner.retries", "1"},
                           {"log.level", "\"info\""}});
    service.start();
    bench::figure("CPUs, scanners", std::to_string(scanners));
    bench::figure("signatures", service.status().at("generations").back().at("signatures").dump());

    bench::LoadOptions load;
    load.milter = service.milter_address();
    load.connections = 2 * scanners;
    load.duration = 10s;
    const bench::LoadFigures capacity = bench::run_load(load);
    bench::figure("closed loop", capacity.text());
    load.connections = 32;
    load.rate = kShare * capacity.throughput();
    load.seed = 2;
    bench::figure("open loop at 40 %", bench::run_load(load).text());

    load.seed = 3;
    load.duration = duration;
    auto running = std::async(std::launch::async, [&] { return bench::run_load(load); });
    std::random_device seed;
    std::minstd_rand random(seed());
    std::map<std::string, unsigned> killed;
    const auto begin = Clock::now();
    for (std::chrono::seconds at{1}; at < duration; ++at) {
        std::this_thread::sleep_until(begin + at);
        ++killed[kill_one(service, random)];
    }
    const bench::LoadFigures figures = running.get();
    bench::figure("open loop, one killed each second", figures.text());
    for (const auto& [role, count] : killed) bench::figure(("  killed: " + role).c_str(), std::to_string(count));
    bench::figure("  crashes counted", service.status().at("crashes").dump());

    bench::promise("wrong verdicts", static_cast<double>(figures.wrong), 0, "");
    bench::promise("tempfails", static_cast<double>(figures.tempfails), 0, "");
    bench::promise("lost, to sessions of the killed", static_cast<double>(figures.lost), sessions_lost(service), "");
    bench::promise("longest gap", figures.longest_gap, 0.5, "s");
    const auto back = Clock::now();
    service.wait_status("the service is as before", [&](const nlohmann::json& status) {
        std::map<std::string, unsigned> roles;
        for (const auto& one : status.at("workers")) ++roles[one.at("role").get<std::string>()];
        return status.at("state") == "ready" && roles["scanner"] == scanners && roles["loader"] == 1;
    });
    bench::figure("as before, after",
                  std::to_string(std::chrono::duration<double>(Clock::now() - back).count()) + " s");
    service.stop();
    for (const std::string& left : service.leftovers()) bench::figure("left", left);
    bench::promise("left behind", static_cast<double>(service.leftovers().size()), 0, "");
    return bench::all_kept() ? 0 : 1;
}
