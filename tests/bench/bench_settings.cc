// What two settings of the scanner cost that keep "clean" honest:
//     bench_settings [--signatures N] [--mails N] [--copies N]
// Clean cache off: N mails of the ordinary mix (mix.h; default 300), each in N copies (default 5) whose headers differ,
// as a list or a newsletter sends them. Silent limits raised to max_file_size: a text, a script and an HTML page of 39
// and of 99 MiB. clamscan, which uses the same library, runs both ways in turns, three times; the CPU time of its load,
// measured with an empty file, is subtracted, and the least of the three counts.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "tests/bench/database.h"
#include "tests/bench/mix.h"
#include "tests/corpus/documents.h"
#include "tests/support/command.h"
#include "tests/support/proc.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;
namespace fs = std::filesystem;

constexpr int kTurns = 3;

struct Options {
    std::string signatures = "500000";
    std::uint64_t mails = 300;
    std::uint64_t copies = 5;
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
        } else if (value != nullptr && word == "--copies") {
            options.copies = std::strtoull(value, nullptr, 10);
        } else {
            std::cerr << "usage: bench_settings [--signatures N] [--mails N] [--copies N]\n";
            std::exit(64);
        }
    }
    return options;
}

double cpu_of_children() {
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class Clamscan {
  public:
    explicit Clamscan(std::string database) : database_(std::move(database)) {}

    // Seconds of CPU time for all files in `files`, the load included.
    [[nodiscard]] double cpu(const fs::path& files, const std::vector<std::string>& settings) const {
        std::vector<std::string> command = {"clamscan",
                                            "--infected",
                                            "--no-summary",
                                            "--recursive",
                                            "--tempdir=/dev/shm",
                                            "--database=" + database_,
                                            "--max-filesize=100M",
                                            "--max-scansize=400M"};
        command.insert(command.end(), settings.begin(), settings.end());
        command.push_back(files);
        const double before = cpu_of_children();
        const test::Outcome outcome = test::run(command);
        if (outcome.status != 0) throw std::runtime_error("clamscan: " + outcome.output + outcome.errors);
        return cpu_of_children() - before;
    }

  private:
    std::string database_;
};

struct Pair {
    double first = 0;
    double second = 0;
};

// The least CPU time of both ways, without the load.
Pair compare(const Clamscan& clamscan, const fs::path& files, const fs::path& nothing,
             const std::vector<std::string>& first, const std::vector<std::string>& second) {
    double load = 1e9;
    Pair least{1e9, 1e9};
    for (int turn = 0; turn < kTurns; ++turn) {
        load = std::min(load, clamscan.cpu(nothing, first));
        least.first = std::min(least.first, clamscan.cpu(files, first));
        least.second = std::min(least.second, clamscan.cpu(files, second));
    }
    return {least.first - load, least.second - load};
}

std::string repeated(const std::string& text, std::size_t size) {
    std::string all;
    all.reserve(size + text.size());
    while (all.size() < size) all += text;
    return all;
}

void repeats(const Options& options, const Clamscan& clamscan, const fs::path& folder, const fs::path& nothing) {
    fs::create_directory(folder);
    for (std::uint64_t number = 0; number < options.mails; ++number) {
        const std::string text = bench::ordinary_mail(7'000'000 + number).text;
        for (std::uint64_t copy = 0; copy < options.copies; ++copy)
            test::write_file(folder / (std::to_string(copy) + "-" + std::to_string(number) + ".eml"),
                             "Received: from x by y id " + std::to_string(copy) + "\r\n" + text);
    }
    const Pair cost = compare(clamscan, folder, nothing, {}, {"--disable-cache"});
    const auto scans = static_cast<double>(options.mails * options.copies);
    std::printf("clean cache, %llu copies of each mail: with %.3f ms a mail, without %.3f ms (%+.0f %%)\n",
                static_cast<unsigned long long>(options.copies), 1e3 * cost.first / scans, 1e3 * cost.second / scans,
                100 * (cost.second / cost.first - 1));
    fs::remove_all(folder);
}

void large(const Clamscan& clamscan, const fs::path& folder, const fs::path& nothing) {
    const std::string script = "<script>var a = \"b\"; function c(d) { return d + a; }</script>\n";
    for (const std::size_t mebibytes : {std::size_t{39}, std::size_t{99}}) {
        for (const auto& [kind, text] : {std::pair{"html", corpus::newsletter(4000, 1)}, std::pair{"script", script},
                                         std::pair{"text", corpus::prose(4000, 1)}}) {
            fs::create_directory(folder);
            test::write_file(folder / kind, repeated(text, mebibytes << 20U));
            const Pair cost = compare(clamscan, folder, nothing, {},
                                      {"--max-htmlnormalize=100M", "--max-htmlnotags=100M",
                                       "--max-scriptnormalize=100M", "--pcre-max-filesize=100M"});
            std::printf("%-6s of %zu MiB: libclamav's silent limits %.2f s, raised %.2f s\n", kind, mebibytes,
                        cost.first, cost.second);
            fs::remove_all(folder);
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    const test::Folder folder;
    const Clamscan clamscan(bench::database(folder, options.signatures));
    const fs::path nothing = folder.path() / "nothing";
    test::write_file(nothing, "nothing");
    repeats(options, clamscan, folder.path() / "mails", nothing);
    large(clamscan, folder.path() / "large", nothing);
    return 0;
}
