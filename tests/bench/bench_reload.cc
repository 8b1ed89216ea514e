// The reload under load, with a database of the official one's size:
//     bench_reload [SIGNATURES]          (default: 8,000,000; EVERMILTER_BENCH_DATABASE reuses a folder)
// A closed loop measures the capacity. Then, in turns and three times, because the capacity of a virtual machine
// changes within minutes: an open loop at 60 % of it with a reload, the same before and after without one, and a reload
// on the idle machine. A turn in which the host of a virtual machine took CPU time (steal) from us is printed, but
// another takes its place. Then a closed loop at saturation with a reload in the middle; the sum of the proportional
// set sizes of all processes before, during and after. Prints, for each promise, whether it was kept on this machine
// (the median of the turns); exits 1 if one was not.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/averages.h"
#include "tests/bench/database.h"
#include "tests/bench/load.h"
#include "tests/bench/reload.h"
#include "tests/bench/report.h"
#include "tests/bench/steal.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;
using namespace std::chrono_literals;
using bench::figure;
using bench::promise;

constexpr auto kRun = 20s;
constexpr auto kCapacityRun = 10s;
constexpr unsigned kTurns = 3;     // undisturbed turns that are needed
constexpr unsigned kMostTurns = 5; // after so many turns the disturbed ones count, too
constexpr double kMostSteal = 5;   // percent of all CPUs' time, in any second of a turn

// Prints what was measured since the last call of steal.take(), and how much CPU time the host took meanwhile. Returns
// the percentage of its worst second.
double figure_with_steal(bench::Steal& steal, const char* name, const std::string& value) {
    const bench::Steal::Percent percent = steal.take();
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), " (steal %.1f %%, worst second %.0f %%)", percent.mean,
                        percent.worst);
    figure(name, value + text.data());
    return percent.worst;
}

double total_pss_mib(const test::Service& service) {
    double kib = 0;
    for (const test::Process& one : service.processes()) kib += static_cast<double>(test::pss_kib(one.pid));
    return kib / 1024;
}

// What the last reload leaves for the kernel and the host of a virtual machine to do is done some seconds later.
void wait_settled(const test::Service& service) {
    bench::wait_drained(service);
    std::this_thread::sleep_for(5s);
}

// Loads that were given up and begun again at the scanners' priority.
std::size_t starved_loads(const test::Service& service) {
    const std::string log = service.log();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = log.find("event=load-starved", at)) != std::string::npos; ++at) ++count;
    return count;
}

struct UnderLoad {
    bench::LoadFigures figures;
    double reload_seconds = 0;
    double peak_pss_mib = 0;
};

// The load from 5 s before the reload to 10 s after it, when the old engine is gone too. Reading the memory of all
// processes takes CPU time, which would show in the latencies.
enum class Memory : std::uint8_t { unseen, sampled };
UnderLoad load_with_reload(const test::Service& service, bench::LoadOptions options, Memory memory) {
    UnderLoad result;
    std::atomic<bool> done{false};
    options.stop = &done;
    options.duration = 600s;
    auto load = std::async(std::launch::async, [&] { return bench::run_load(options); });
    std::this_thread::sleep_for(5s);
    std::atomic<bool> sampling{memory == Memory::sampled};
    auto peak = std::async(std::launch::async, [&] {
        double most = 0;
        while (sampling) {
            most = std::max(most, total_pss_mib(service));
            std::this_thread::sleep_for(2s);
        }
        return most;
    });
    result.reload_seconds = bench::reload_seconds(service);
    sampling = false;
    std::this_thread::sleep_for(10s);
    done = true;
    result.peak_pss_mib = peak.get();
    result.figures = load.get();
    return result;
}

std::string seconds(double value) {
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%.1f s", value);
    return text.data();
}

std::string times(double value) {
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%.2f x", value);
    return text.data();
}

std::string mib(double value) {
    return std::to_string(static_cast<int>(value)) + " MiB";
}

void large_mails(const test::Service& service, unsigned count) {
    std::vector<std::future<void>> clients;
    for (unsigned i = 0; i < count; ++i)
        clients.push_back(std::async(std::launch::async, [&service, i] {
            test::MilterClient client(service.milter_address());
            client.open();
            (void)client.message(bench::varied_mail(28'000'000, 77 + i, false));
        }));
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
                           {"log.level", "\"info\""},
                           {"reload.drain_timeout", "\"10s\""}});
    service.start();
    figure("CPUs, scanners", std::to_string(scanners));
    figure("signatures", service.status().at("generations").back().at("signatures").dump());
    figure("load at start", service.status().at("last_reload").at("seconds").dump() + " s");

    (void)bench::reload_seconds(service);
    wait_settled(service);
    const double engine = total_pss_mib(service);
    figure("PSS of all, idle, one engine", mib(engine));

    bench::Steal steal;
    bench::LoadOptions closed;
    closed.milter = service.milter_address();
    closed.connections = 2 * scanners;
    closed.duration = kCapacityRun;
    bench::LoadOptions open = closed;
    open.connections = 32;
    open.duration = kRun;
    std::vector<double> idle_loads;
    const auto load_idle = [&] {
        (void)steal.take();
        idle_loads.push_back(bench::reload_seconds(service));
        const double stolen = figure_with_steal(steal, "load, machine idle", seconds(idle_loads.back()));
        wait_settled(service);
        return stolen;
    };
    (void)load_idle();
    std::vector<double> loads;
    std::vector<double> p99s;
    double failures = 0;
    double longest_gap = 0;
    for (unsigned turn = 1; turn <= kMostTurns && p99s.size() < kTurns; ++turn) {
        ++closed.seed;
        (void)steal.take();
        const bench::LoadFigures capacity = bench::run_load(closed);
        double stolen = figure_with_steal(steal, "closed loop", capacity.text());
        open.rate = 0.6 * capacity.throughput();
        bench::LoadFigures quiet;
        const auto load_quietly = [&] {
            ++open.seed;
            const bench::LoadFigures figures = bench::run_load(open);
            stolen = std::max(stolen, figure_with_steal(steal, "open loop at 60 %", figures.text()));
            quiet.latencies.insert(quiet.latencies.end(), figures.latencies.begin(), figures.latencies.end());
        };
        load_quietly();
        ++open.seed;
        const UnderLoad steady = load_with_reload(service, open, Memory::unseen);
        stolen = std::max(stolen, figure_with_steal(steal, "open loop at 60 %, reload", steady.figures.text()));
        figure("  load time", seconds(steady.reload_seconds));
        figure("  loads begun again so far", std::to_string(starved_loads(service)));
        wait_settled(service);
        (void)steal.take();
        load_quietly();
        std::sort(quiet.latencies.begin(), quiet.latencies.end());
        const double idle_before = idle_loads.back();
        stolen = std::max(stolen, load_idle());
        const double p99 = steady.figures.quantile(0.99) / quiet.quantile(0.99);
        const double load = steady.reload_seconds / ((idle_before + idle_loads.back()) / 2);
        const bool disturbed = stolen > kMostSteal && kMostTurns - turn >= kTurns - p99s.size();
        figure("  p99, load to those without", times(p99) + ", " + times(load) + (disturbed ? ": disturbed" : ""));
        if (!disturbed) {
            p99s.push_back(p99);
            loads.push_back(load);
        }
        failures += static_cast<double>(steady.figures.wrong + steady.figures.tempfails + steady.figures.lost);
        longest_gap = std::max(longest_gap, steady.figures.longest_gap);
    }
    const double idle_load = bench::median(idle_loads);

    ++closed.seed;
    (void)steal.take();
    const UnderLoad full = load_with_reload(service, closed, Memory::sampled);
    figure_with_steal(steal, "closed loop, reload", full.figures.text());
    figure("  load time", seconds(full.reload_seconds));
    wait_settled(service);
    const double after = total_pss_mib(service);

    large_mails(service, scanners);
    const double after_large = total_pss_mib(service);
    open.seed += 10;
    const double during_after_large = load_with_reload(service, open, Memory::sampled).peak_pss_mib;
    wait_settled(service);

    promise("open loop: failures", failures, 0, "");
    promise("open loop: longest gap", longest_gap, 0.3, "s");
    promise("open loop: p99 to that without", bench::median(p99s), 1.5, "x");
    promise("open loop: load to idle load", bench::median(loads), 1.5, "x");
    promise("closed loop: failures",
            static_cast<double>(full.figures.wrong + full.figures.tempfails + full.figures.lost), 0, "");
    promise("closed loop: load to idle load", full.reload_seconds / idle_load, 3, "x");
    promise("PSS during, closed loop", full.peak_pss_mib / engine, 2.1, "engines");
    promise("PSS after both", after / engine, 1.1, "engines");
    promise("PSS after 40 MB mails", after_large / engine, 1.1, "engines");
    promise("PSS during, open loop, after those", during_after_large / engine, 2.1, "engines");
    service.stop();
    return bench::all_kept() ? 0 : 1;
}
