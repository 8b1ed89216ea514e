// How much clean mail is not called clean:
//     bench_clean [--count N] [--first N] [--each N] [--database DIR] [--list] [--save DIR [--all]] [PATH…]
// Scans N (default 3,000) clean mails of ordinary kinds in this process with the default configuration: generated ones,
// and, as attachments, files of the folders that hold a system's packages (at most --each of one extension, default
// 60). With PATHs, files or folders, scans only these (*.eml and *.mail as they are, others attached). Then scans every
// file of Debian's clamav-testfiles, each of which must be infected.
// Prints the share of each outcome and reason with examples; --list prints a line for each mail that is not clean,
// --save keeps those mails, with --all the clean ones too. Exits 1 if a test file is called clean.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/scans.h"
#include "tests/corpus/bytes.h"
#include "tests/corpus/ordinary.h"
#include "tests/support/proc.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;
namespace fs = std::filesystem;
using messages::ScanOutcome;

constexpr std::uintmax_t kLargestFile = 8U << 20U;
// The file that ClamAV's own tests pack in every way, by MD5 and size (clamav-testfiles).
constexpr const char* kTestSignature = "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n";
const fs::path kTestFiles = "/usr/share/clamav-testfiles";

struct Options {
    std::uint64_t count = 3000;
    std::uint64_t first = 0;
    std::size_t each = 60;
    std::string database;
    bool list = false;
    std::string save;
    bool all = false;
    std::vector<fs::path> paths;
};

[[noreturn]] void usage() {
    std::cerr << "usage: bench_clean [--count N] [--first N] [--each N] [--database DIR] [--list] [--save DIR [--all]] "
                 "[PATH...]\n";
    std::exit(64);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int at = 1; at < argc; ++at) {
        const std::string word = argv[at];
        const auto value = [&]() -> std::string {
            if (++at == argc) usage();
            return argv[at];
        };
        if (word == "--count") {
            options.count = std::strtoull(value().c_str(), nullptr, 10);
        } else if (word == "--first") {
            options.first = std::strtoull(value().c_str(), nullptr, 10);
        } else if (word == "--each") {
            options.each = std::strtoull(value().c_str(), nullptr, 10);
        } else if (word == "--database") {
            options.database = value();
        } else if (word == "--list") {
            options.list = true;
        } else if (word == "--save") {
            options.save = value();
        } else if (word == "--all") {
            options.all = true;
        } else if (word.starts_with("--")) {
            usage();
        } else {
            options.paths.emplace_back(word);
        }
    }
    return options;
}

const char* outcome_name(ScanOutcome outcome) {
    switch (outcome) {
        case ScanOutcome::clean:
            return "clean";
        case ScanOutcome::infected:
            return "infected";
        case ScanOutcome::incomplete:
            return "incomplete";
        case ScanOutcome::error:
            return "error";
        case ScanOutcome::temp_failed:
            return "temp_failed";
    }
    return "?";
}

// Regular files below `path`, sorted, links left out.
std::vector<fs::path> files_below(const fs::path& path) {
    std::vector<fs::path> files;
    std::error_code error;
    if (fs::is_regular_file(path, error)) return {path};
    const auto options = fs::directory_options::skip_permission_denied;
    for (auto at = fs::recursive_directory_iterator(path, options, error); at != fs::recursive_directory_iterator();
         at.increment(error)) {
        if (error) break;
        if (at->is_symlink(error) || !at->is_regular_file(error)) continue;
        files.push_back(at->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::string extension(const fs::path& file) {
    std::string text = file.extension();
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

// Files of the kinds that people attach, out of installed packages; at most `each` of an extension, spread over all of
// them.
std::vector<fs::path> files_of_packages(std::size_t each) {
    constexpr const char* wanted[] = {
        ".pdf", ".docx", ".odt",  ".ods",  ".xlsx",  ".doc",  ".xls",   ".ppt",  ".rtf", ".png",   ".jpg", ".jpeg",
        ".gif", ".svg",  ".webp", ".bmp",  ".tif",   ".tiff", ".ico",   ".html", ".htm", ".xhtml", ".js",  ".css",
        ".gz",  ".tgz",  ".zip",  ".jar",  ".whl",   ".egg",  ".tar",   ".xz",   ".bz2", ".zst",   ".deb", ".7z",
        ".cab", ".iso",  ".py",   ".pl",   ".sh",    ".c",    ".h",     ".txt",  ".md",  ".csv",   ".xml", ".json",
        ".yml", ".ttf",  ".otf",  ".woff", ".woff2", ".mp3",  ".ogg",   ".wav",  ".exe", ".dll",   ".so",  ".msi",
        ".ps",  ".eps",  ".ics",  ".vcf",  ".eml",   ".mbox", ".class", ".sql",  ".log", ".patch", ".swf", ".epub"};
    std::map<std::string, std::vector<fs::path>> found;
    for (const char* one : wanted) found[one];
    for (const char* folder : {"/usr/share", "/usr/lib", "/usr/include", "/var/cache/apt/archives"})
        for (const fs::path& file : files_below(folder)) {
            if (file.string().starts_with(kTestFiles.string())) continue;
            if (const auto kind = found.find(extension(file)); kind != found.end()) kind->second.push_back(file);
        }
    std::vector<fs::path> chosen;
    for (auto& [kind, files] : found) {
        std::erase_if(files, [](const fs::path& file) {
            std::error_code error;
            const auto size = fs::file_size(file, error);
            return error || size == 0 || size > kLargestFile;
        });
        const std::size_t step = std::max<std::size_t>(1, files.size() / std::max<std::size_t>(each, 1));
        for (std::size_t at = 0, taken = 0; at < files.size() && taken < each; at += step, ++taken)
            chosen.push_back(files[at]);
    }
    return chosen;
}

class Survey {
  public:
    Survey(bench::Scans& scans, const Options& options) : scans_(scans), options_(options) {}

    scanner::EngineReport scan(const std::string& kind, const std::string& what, const std::string& mail) {
        scanner::EngineReport report = scans_.scan(mail);
        const std::string outcome = outcome_name(report.verdict.outcome);
        const std::string reason =
            report.verdict.detail.empty() ? outcome : outcome + " (" + report.verdict.detail + ")";
        ++mails_;
        ++outcomes_[outcome];
        took_ += report.took;
        auto& row = reasons_[reason];
        ++row.count;
        auto& of_kind = row.kinds[kind];
        ++of_kind.count;
        if (of_kind.example.empty()) of_kind.example = what;
        const bool is_clean = report.verdict.outcome == ScanOutcome::clean;
        if (!is_clean && options_.list) std::printf("%-40s %-40s %s\n", reason.c_str(), kind.c_str(), what.c_str());
        if (!options_.save.empty() && (!is_clean || options_.all)) {
            fs::create_directories(options_.save);
            test::write_file(fs::path(options_.save) / (std::to_string(mails_) + ".eml"), mail);
        }
        return report;
    }

    void print() const {
        std::printf("%zu mails, %.1f s\n", mails_, std::chrono::duration<double>(took_).count());
        for (const auto& [outcome, count] : outcomes_)
            std::printf("  %-12s %6zu  %6.2f %%\n", outcome.c_str(), count,
                        100.0 * static_cast<double>(count) / static_cast<double>(mails_));
        for (const auto& [reason, row] : reasons_) {
            if (reason == "clean") continue;
            std::printf("%s: %zu\n", reason.c_str(), row.count);
            for (const auto& [kind, one] : row.kinds)
                std::printf("    %5zu  %s, e.g. %s\n", one.count, kind.c_str(), one.example.c_str());
        }
    }

  private:
    struct OfKind {
        std::size_t count = 0;
        std::string example;
    };
    struct Row {
        std::size_t count = 0;
        std::map<std::string, OfKind> kinds;
    };
    bench::Scans& scans_;
    const Options& options_;
    std::size_t mails_ = 0;
    std::chrono::nanoseconds took_{};
    std::map<std::string, std::size_t> outcomes_;
    std::map<std::string, Row> reasons_;
};

bool is_mail(const fs::path& file) {
    return extension(file) == ".eml" || extension(file) == ".mail";
}

} // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    const test::Folder folder;
    fs::path database = options.database;
    if (database.empty()) {
        database = folder.path() / "db";
        fs::create_directories(database);
        test::write_file(database / "testfile.hdb", kTestSignature);
    }
    bench::Scans scans(database);

    Survey clean(scans, options);
    std::vector<fs::path> files;
    for (const fs::path& path : options.paths)
        for (const fs::path& file : files_below(path)) files.push_back(file);
    if (options.paths.empty()) {
        files = files_of_packages(options.each);
        corpus::Random random(options.first);
        if (files.size() > options.count / 2) {
            for (std::size_t at = files.size(); at > 1; --at) std::swap(files[at - 1], files[random.below(at)]);
            files.resize(options.count / 2);
        }
        for (std::uint64_t number = options.first; number < options.first + options.count - files.size(); ++number) {
            const corpus::Mail mail = corpus::ordinary_mail(number);
            const std::string kind = mail.kind.substr(0, mail.kind.rfind(" ("));
            clean.scan(kind, "mail " + std::to_string(number) + ", " + mail.kind, mail.text);
        }
    }
    for (std::size_t at = 0; at < files.size(); ++at) {
        const std::string content = test::read_file(files[at]);
        const corpus::Mail mail = corpus::mail_with_file(files[at].filename(), content, options.first + at);
        const bool itself = !options.paths.empty() && is_mail(files[at]);
        clean.scan(mail.kind, files[at], itself ? content : mail.text);
    }
    clean.print();
    if (!options.paths.empty()) return 0;

    std::printf("\nclamav-testfiles, attached; each is expected to be infected:\n");
    Survey infected(scans, options);
    bool missed = false;
    for (const fs::path& file : files_below(kTestFiles)) {
        const corpus::Mail mail = corpus::mail_with_file(file.filename(), test::read_file(file), 1);
        const auto report = infected.scan("test file", file.filename(), mail.text);
        missed = missed || report.verdict.outcome == ScanOutcome::clean;
        if (report.verdict.outcome == ScanOutcome::clean) std::printf("CLEAN: %s\n", file.filename().c_str());
    }
    infected.print();
    return missed ? 1 : 0;
}
