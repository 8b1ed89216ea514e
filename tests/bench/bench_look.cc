// What a scan costs on a mix of ordinary mail:
//     bench_look [--signatures N] [--mails N] [--seed N]
// 60 % are texts and newsletters of 2 to 8 KB, 20 % carry a PDF, a docx or a picture of 50 to 300 KB, 10 % are of about
// 1 MB, and 10 % carry an archive or are larger. They are scanned in this process with N synthetic signatures (500,000
// unless said; EVERMILTER_BENCH_DATABASE reuses a folder). The modes that are compared take turns: each mail is scanned
// once by each, by an engine of its own, and the order changes with each mail, so that a machine that slows down slows
// all of them. No two mails have a part in common, so no cache of clean files answers.
// Printed is the CPU time of a message by kind and mode, and how much more the last mode costs than the first.
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
#include "tests/bench/report.h"
#include "tests/bench/scans.h"
#include "tests/corpus/bytes.h"
#include "tests/corpus/documents.h"
#include "tests/corpus/mime.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;

// One engine for each; the first does without the independent look.
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

struct Mail {
    std::string kind;
    std::string text;
};

std::string whole(const corpus::Entity& entity) {
    return test::ordinary_headers() + "MIME-Version: 1.0\r\n" + entity.text();
}

corpus::Entity attached(const corpus::Document& document) {
    return corpus::leaf("application/octet-stream; name=\"" + document.name + "\"", document.content,
                        corpus::Encoding::base64,
                        "Content-Disposition: attachment; filename=\"" + document.name + "\"\r\n");
}

std::string with(std::uint64_t number, const std::vector<corpus::Document>& documents) {
    std::vector<corpus::Entity> parts = {
        corpus::leaf("text/plain; charset=utf-8", corpus::prose(1500, number), corpus::Encoding::quoted_printable)};
    for (const auto& document : documents) parts.push_back(attached(document));
    return whole(corpus::multipart("mixed", "=_" + std::to_string(number), parts));
}

// `number` chooses kind and content; every mail differs, so that no cache of clean files answers.
Mail make(std::uint64_t number) {
    corpus::Random random(number);
    const std::uint64_t share = random.below(100);
    const auto between = [&](std::uint64_t least, std::uint64_t most) { return least + random.below(most - least); };
    if (share < 30)
        return {"text, 2-8 KB",
                whole(corpus::leaf("text/plain; charset=us-ascii", corpus::prose(between(2000, 8000), number),
                                   corpus::Encoding::seven_bit))};
    if (share < 60) {
        const std::string html = corpus::newsletter(between(1500, 6000), number);
        return {"text and html, 2-8 KB",
                whole(corpus::multipart(
                    "alternative", "=_" + std::to_string(number),
                    {corpus::leaf("text/plain; charset=utf-8", corpus::prose(800, number), corpus::Encoding::seven_bit),
                     corpus::leaf("text/html; charset=utf-8", html, corpus::Encoding::quoted_printable)}))};
    }
    if (share < 67)
        return {
            "a PDF, 50-300 KB",
            with(number,
                 {{"a.pdf", corpus::pdf(test::noise(between(40000, 200000), static_cast<unsigned>(number)), true)}})};
    if (share < 74)
        return {"a docx, 50-300 KB", with(number, {corpus::document("docx", number, between(300000, 900000))})};
    if (share < 80) {
        const auto side = static_cast<unsigned>(between(110, 290));
        return {"a picture, 50-300 KB", with(number, {{"a.png", corpus::png(side, side, number)}})};
    }
    if (share < 90)
        return {"about 1 MB",
                with(number, {{"a.png", corpus::png(450, 450, number)}, corpus::document("docx", number + 1, 400000)})};
    if (share < 94) return {"a zip", with(number, {corpus::document("zip", number, between(100000, 900000))})};
    if (share < 97) return {"a tar.gz", with(number, {corpus::document("tar.gz", number, between(100000, 900000))})};
    return {"5 MB", with(number, {{"a.png", corpus::png(1100, 1100, number)}})};
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
        const Mail mail = make(options.seed * 1'000'000 + number);
        Cost& cost = costs[mail.kind];
        ++cost.mails;
        cost.bytes += mail.text.size();
        // Once only: the second time libclamav's cache would answer for the parts.
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
