// What a scan costs on a mix of ordinary mail (mix.h):
//     bench_look [--signatures N] [--mails N] [--seed N]
// Scans in this process with N synthetic signatures (default 500,000; EVERMILTER_BENCH_DATABASE reuses a folder). The
// compared modes take turns: each mode scans each mail once, with an engine of its own, and the order changes with each
// mail, so that a machine that slows down slows all of them.
// Prints the CPU time of a message by kind and mode, and how much more the last mode costs than the first.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/database.h"
#include "tests/bench/mix.h"
#include "tests/bench/report.h"
#include "tests/bench/scans.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;

// One engine for each mode; the first works without the independent look.
constexpr std::array<const char*, 2> kModes = {"libclamav", "with the look"};

struct Options {
    std::string signatures = "500000";
    std::uint64_t mails = 1000;
    std::uint64_t seed = 1;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int at = 1; at < argc; at += 2) {
        const std::string word = argv[at];
        const char* value = at + 1 < argc ? argv[at + 1] : nullptr;
        if (value != nullptr && word == "--signatures") {
            options.signatures = value;
        } else if (value != nullptr && word == "--mails") {
            options.mails = std::strtoull(value, nullptr, 10);
        } else if (value != nullptr && word == "--seed") {
            options.seed = std::strtoull(value, nullptr, 10);
        } else {
            std::cerr << "usage: bench_look [--signatures N] [--mails N] [--seed N]\n";
            std::exit(64);
        }
    }
    return options;
}

double cpu_milliseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

struct Cost {
    std::uint64_t mails = 0;
    std::uint64_t bytes = 0;
    std::array<double, kModes.size()> milliseconds{};
};

} // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    const test::Folder folder;
    const std::filesystem::path database = bench::database(folder, options.signatures);
    std::vector<std::unique_ptr<bench::Scans>> modes;
    for (std::size_t mode = 0; mode < kModes.size(); ++mode) modes.push_back(std::make_unique<bench::Scans>(database));
    modes.front()->engine().look(false);

    std::map<std::string, Cost> costs;
    std::uint64_t not_clean = 0;
    for (std::uint64_t number = 0; number < options.mails; ++number) {
        const bench::Mail mail = bench::ordinary_mail(options.seed * 1'000'000 + number);
        Cost& cost = costs[mail.kind];
        ++cost.mails;
        cost.bytes += mail.text.size();
        // Once only: at a second scan libclamav's cache would answer for the parts.
        for (std::size_t turn = 0; turn < modes.size(); ++turn) {
            const std::size_t mode = (turn + number) % modes.size();
            const double before = cpu_milliseconds();
            const auto report = modes[mode]->scan(mail.text);
            cost.milliseconds.at(mode) += cpu_milliseconds() - before;
            if (report.verdict.outcome != messages::ScanOutcome::clean) ++not_clean;
        }
    }

    std::printf("%-24s %6s %9s", "kind", "mails", "KB each");
    for (const char* mode : kModes) std::printf(" %14s", (std::string(mode) + ", ms").c_str());
    std::printf("\n");
    Cost sum;
    const auto print = [](const std::string& kind, const Cost& cost) {
        const auto mails = static_cast<double>(cost.mails);
        std::printf("%-24s %6llu %9.0f", kind.c_str(), static_cast<unsigned long long>(cost.mails),
                    static_cast<double>(cost.bytes) / 1024 / mails);
        for (const double milliseconds : cost.milliseconds) std::printf(" %14.3f", milliseconds / mails);
        std::printf("\n");
    };
    for (const auto& [kind, cost] : costs) {
        print(kind, cost);
        sum.mails += cost.mails;
        sum.bytes += cost.bytes;
        for (std::size_t mode = 0; mode < kModes.size(); ++mode)
            sum.milliseconds.at(mode) += cost.milliseconds.at(mode);
    }
    print("all", sum);
    if (kModes.size() > 1)
        bench::promise("the last mode costs more by",
                       100 * (sum.milliseconds.back() / std::max(sum.milliseconds.front(), 1e-9) - 1), 3, "%");
    if (not_clean > 0) std::printf("%llu scans were not clean\n", static_cast<unsigned long long>(not_clean));
    return bench::all_kept() ? 0 : 1;
}
