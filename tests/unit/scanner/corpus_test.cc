// What no scan may call clean: every row of the corpus (tests/corpus/rows.h), scanned ten times and once more in
// another mail, in one process, as a scanner does. Beside it clamscan without limits looks at the same files: what it
// finds in an ordinary file is to be found here.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "tests/corpus/rows.h"
#include "tests/support/command.h"
#include "tests/support/proc.h"
#include "tests/support/sanitizers.h"
#include "tests/unit/scanner/loader_process.h"
#include "workers/scanner/libclamav/engine.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;
using corpus::Expect;
using corpus::Row;
using messages::ScanOutcome;

// With sanitizers twice: as it is new to libclamav, and as libclamav knows it.
constexpr unsigned kTimes = test::kSanitized ? 2 : 10;

const char* outcome_name(ScanOutcome outcome) {
    constexpr const char* names[] = {"clean", "infected", "incomplete", "error", "temp_failed"};
    return names[static_cast<std::size_t>(outcome)];
}

// As the session worker sends it: behind the synthetic first lines.
std::string scanned(const std::string& mail) {
    return "From sender@example.org Thu Jan  1 00:00:00 1970\r\n"
           "Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n" +
           mail;
}

template <class T>
void require(const Result<T, Refusal>& outcome) {
    const bool done = outcome.ok();
    BOOST_REQUIRE_MESSAGE(done, (done ? std::string() : outcome.error().reason));
}

void keep(const Row& row) {
    const char* folder = std::getenv("EVERMILTER_KEEP_CORPUS");
    if (folder == nullptr) return;
    fs::create_directories(folder);
    std::string name = row.name;
    std::replace(name.begin(), name.end(), '/', '_');
    test::write_file(fs::path(folder) / (name + ".eml"), row.mail);
    if (!row.file.empty()) test::write_file(fs::path(folder) / (name + ".file"), row.file);
}

class Corpus {
  public:
    Corpus() : config_(test::scanner_config(folder_)), temp_(fs::path("/dev/shm") / folder_.path().filename()) {
        fs::create_directory(temp_);
        corpus::write_marker_database(folder_ / "database");
        corpus::set_small_limits(config_.scanner);
    }

    ~Corpus() {
        std::error_code ignored;
        fs::remove_all(temp_, ignored);
    }
    Corpus(const Corpus&) = delete;
    Corpus& operator=(const Corpus&) = delete;

    void with_default_limits() { config_.scanner = config::Config(test::scanner_config(folder_)).scanner; }

    // Each row's scans; what breaks a promise is one line.
    void look(const std::vector<Row>& rows, unsigned times = kTimes) {
        compile();
        const std::set<std::string> theirs = found_by_clamscan(rows);
        std::size_t checked = 0;
        std::size_t infected = 0;
        for (const Row& row : rows) {
            keep(row);
            if (!row.only_if_found.empty() && theirs.count(row.only_if_found) == 0) continue;
            const bool found = theirs.count(row.name) != 0;
            std::map<std::string, std::string> wrong; // outcome -> when
            const auto scan = [&](const std::string& mail, const std::string& when, bool counts) {
                const Verdict verdict = engine_->scan(test::as_file(scanned(mail)).get()).verdict;
                if (counts) ++checked;
                if (counts && verdict.outcome == ScanOutcome::infected) ++infected;
                if (kept(row.expect, found, verdict.outcome)) return;
                auto& times_of = wrong[std::string(outcome_name(verdict.outcome)) +
                                       (verdict.detail.empty() ? "" : " (" + verdict.detail + ")")];
                times_of += (times_of.empty() ? "" : ", ") + when;
            };
            for (unsigned time = 1; time <= times; ++time)
                scan(row.mail, std::to_string(time), time <= 2 || time == times);
            if (!row.other.empty()) scan(row.other, "another mail", true);
            for (const auto& [outcome, when] : wrong)
                BOOST_ERROR(row.name << ": " << outcome << " [" << when << "]" << (found ? ", clamscan finds it" : ""));
        }
        BOOST_TEST_MESSAGE(checked << " rows of " << rows.size() << " files, " << infected
                                   << " infected; clamscan found " << theirs.size() << " files");
        BOOST_TEST(checked > 0U);
    }

  private:
    static bool kept(Expect expect, bool found, ScanOutcome outcome) {
        switch (expect) {
            case Expect::clean:
                return outcome == ScanOutcome::clean;
            case Expect::found:
                return found ? outcome == ScanOutcome::infected : outcome != ScanOutcome::clean;
            case Expect::never_clean:
                return outcome != ScanOutcome::clean;
        }
        return false;
    }

    void compile() {
        auto made = Engine::create(config_.scanner);
        require(made);
        engine_ = std::make_unique<Engine>(std::move(*made));
        require(engine_->load(folder_ / "database", folder_ / "database"));
        require(engine_->compile());
        BOOST_REQUIRE(engine_->set_temp_directory(temp_).ok());
    }

    // The names of the rows in which clamscan without limits finds something, in the mail or in the file alone.
    std::set<std::string> found_by_clamscan(const std::vector<Row>& rows) const {
        const fs::path files = folder_ / "files";
        fs::create_directory(files);
        for (std::size_t number = 0; number < rows.size(); ++number) {
            test::write_file(files / (std::to_string(number) + ".eml"), scanned(rows[number].mail));
            if (!rows[number].file.empty())
                test::write_file(files / (std::to_string(number) + ".bin"), rows[number].file);
        }
        const test::Outcome outcome = test::run(
            {"clamscan", "--no-summary", "--infected", "--recursive", "--database=" + (folder_ / "database").string(),
             "--tempdir=" + temp_.string(), "--max-filesize=2000M", "--max-scansize=4000M", "--max-files=0",
             "--max-recursion=100", "--max-scantime=0", "--max-htmlnormalize=2000M", "--max-htmlnotags=2000M",
             "--max-scriptnormalize=2000M", "--max-ziptypercg=2000M", "--max-embeddedpe=2000M",
             "--pcre-max-filesize=2000M", "--max-partitions=1000", files.string()});
        BOOST_TEST_REQUIRE(outcome.status <= 1, outcome.errors);
        std::set<std::string> found;
        std::istringstream lines(outcome.output);
        for (std::string line; std::getline(lines, line);) {
            if (!line.ends_with(" FOUND")) continue;
            const std::string name = fs::path(line.substr(0, line.find(": "))).stem();
            found.insert(rows.at(std::stoul(name)).name);
        }
        fs::remove_all(files);
        return found;
    }

    test::Folder folder_;
    config::Config config_;
    fs::path temp_; // scans make a folder each: on a disk that takes most of the time
    std::unique_ptr<Engine> engine_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(corpus_of_gaps)

BOOST_FIXTURE_TEST_CASE(no_zip_is_clean_in_which_the_marker_was_not_found, Corpus) {
    look(corpus::zip_rows());
}

BOOST_FIXTURE_TEST_CASE(no_7z_is_clean_in_which_the_marker_was_not_found, Corpus) {
    look(corpus::seven_zip_rows());
}

BOOST_FIXTURE_TEST_CASE(no_tape_or_disk_archive_is_clean_in_which_the_marker_was_not_found, Corpus) {
    look(corpus::tape_rows());
}

BOOST_FIXTURE_TEST_CASE(no_compressed_stream_is_clean_in_which_the_marker_was_not_found, Corpus) {
    look(corpus::stream_rows());
}

BOOST_FIXTURE_TEST_CASE(no_archive_of_an_old_kind_is_clean_in_which_the_marker_was_not_found, Corpus) {
    look(corpus::old_rows());
}

BOOST_FIXTURE_TEST_CASE(no_document_is_clean_in_which_the_marker_was_not_found, Corpus) {
    look(corpus::document_rows());
}

BOOST_FIXTURE_TEST_CASE(no_mail_is_clean_in_which_the_marker_was_not_found, Corpus) {
    look(corpus::mail_rows());
}

BOOST_FIXTURE_TEST_CASE(clamavs_own_test_files_are_found_and_none_that_is_cut_off_is_clean, Corpus) {
    const auto rows = corpus::test_file_rows();
    BOOST_REQUIRE_MESSAGE(!rows.empty(), "Debian's clamav-testfiles are not installed");
    with_default_limits();
    look(rows);
}

BOOST_FIXTURE_TEST_CASE(beyond_the_default_limits_nothing_is_clean_either, Corpus) {
    with_default_limits();
    look(corpus::large_rows(), 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
