// The table of what libclamav says is of texts that it really says: for many of them there is a file that provokes one
// (tests/corpus/provoked.tsv); the others were read in its sources only.
#include "workers/scanner/libclamav/message_texts.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/corpus/rows.h"
#include "tests/support/command.h"
#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;

struct Provoked {
    Severity severity = Severity::debug;
    std::string text;
    std::string from;
    std::string name;
    std::string change;
};

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(line);
    for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
    return parts;
}

std::string without_escapes(const std::string& text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool escape = text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == 'n' || text[at + 1] == 't');
        plain += escape ? (text[at + 1] == 'n' ? '\n' : '\t') : text[at];
        if (escape) ++at;
    }
    return plain;
}

std::vector<Provoked> read_table() {
    const std::map<std::string, Severity> severities = {{"debug", Severity::debug},
                                                        {"info", Severity::info},
                                                        {"warning", Severity::warning},
                                                        {"error", Severity::error}};
    std::vector<Provoked> all;
    std::istringstream lines(test::read_file(fs::path(EVERMILTER_SOURCE_DIRECTORY) / "tests/corpus/provoked.tsv"));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.front() == '#') continue;
        std::vector<std::string> parts = split(line, '\t');
        parts.resize(5);
        all.push_back({severities.at(parts[0]), without_escapes(parts[1]), parts[2], parts[3], parts[4]});
    }
    return all;
}

// "cut:N" keeps N bytes; "set:AT:N:XX" writes N bytes XX at AT.
std::string changed(std::string content, const std::string& change) {
    for (const std::string& one : split(change, ',')) {
        const std::vector<std::string> parts = split(one, ':');
        if (parts.at(0) == "cut") {
            content.resize(std::stoul(parts.at(1)));
            continue;
        }
        const std::size_t at = std::stoul(parts.at(1));
        const std::size_t end = std::min(content.size(), at + std::stoul(parts.at(2)));
        for (std::size_t byte = at; byte < end; ++byte)
            content[byte] = static_cast<char>(std::stoul(parts.at(3), nullptr, 16));
    }
    return content;
}

// Files and mails of the corpus by the name of their row, with "_" for "/".
std::map<std::string, corpus::Row> corpus_rows() {
    std::map<std::string, corpus::Row> all;
    for (auto rows : {corpus::zip_rows(), corpus::seven_zip_rows(), corpus::tape_rows(), corpus::stream_rows(),
                      corpus::old_rows(), corpus::document_rows(), corpus::mail_rows(), corpus::test_file_rows()}) {
        for (corpus::Row& row : rows) {
            std::string name = row.name;
            std::replace(name.begin(), name.end(), '/', '_');
            all.emplace(name, std::move(row));
        }
    }
    return all;
}

constexpr const char* kPrefixes[] = {
    "LibClamAV debug: ", "LibClamAV info: ", "LibClamAV Warning: ", "LibClamAV Error: "};

// What clamscan says of each file, by the file's name.
std::map<std::string, std::vector<std::string>> said_of(const fs::path& files, const fs::path& database) {
    // Both outputs in one, in their order.
    const test::Outcome outcome =
        test::run({"sh", "-c",
                   "exec stdbuf -oL clamscan --debug --no-summary --recursive --database=" + database.string() +
                       " --max-filesize=256K --max-scansize=4M --max-files=40 --max-recursion=8 --alert-encrypted"
                       " --alert-macros " +
                       files.string() + " 2>&1"});
    std::map<std::string, std::vector<std::string>> all;
    std::vector<std::string> said;
    std::istringstream lines(outcome.output);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(files.string())) {
            all[fs::path(line.substr(0, line.find(": "))).filename()] = std::exchange(said, {});
        } else if (line.starts_with("LibClamAV ")) {
            said.push_back(std::move(line));
        }
    }
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(library_texts)

BOOST_AUTO_TEST_CASE(a_text_is_said_of_the_file_that_is_named_for_it) {
    const test::Folder folder;
    fs::create_directories(folder / "database");
    corpus::write_marker_database(folder / "database");
    fs::create_directory(folder / "files");
    const std::vector<Provoked> table = read_table();
    const auto rows = corpus_rows();
    for (std::size_t number = 0; number < table.size(); ++number) {
        const Provoked& one = table[number];
        std::string content;
        if (one.from == "clamav-testfiles") {
            content = test::read_file(fs::path("/usr/share/clamav-testfiles") / one.name);
        } else {
            const auto found = rows.find(one.name);
            BOOST_REQUIRE_MESSAGE(found != rows.end(), "no row " << one.name);
            content = one.from == "mail" ? found->second.mail : found->second.file;
        }
        test::write_file(folder / "files" / std::to_string(number), changed(content, one.change));
    }
    const auto said = said_of(folder / "files", folder / "database");
    for (std::size_t number = 0; number < table.size(); ++number) {
        const Provoked& one = table[number];
        const LibraryText* row = find_library_text(one.severity, one.text);
        BOOST_REQUIRE_MESSAGE(row != nullptr, "not in the table: " << one.text);
        const std::string prefix = kPrefixes[static_cast<std::size_t>(one.severity)];
        const auto found = said.find(std::to_string(number));
        BOOST_REQUIRE_MESSAGE(found != said.end(), "nothing said of " << one.name);
        const bool heard = std::any_of(found->second.begin(), found->second.end(), [&](const std::string& line) {
            return line.starts_with(prefix) && find_library_text(one.severity, line.substr(prefix.size())) == row;
        });
        BOOST_TEST(heard, row->source << ": " << one.text << " is not said of " << one.name << " " << one.change);
    }
    BOOST_TEST_MESSAGE(table.size() << " of " << all_library_texts().size() << " texts have a file that provokes them");
}

BOOST_AUTO_TEST_CASE(each_text_is_long_enough_and_is_found_by_itself) {
    for (const LibraryText* row : all_library_texts()) {
        BOOST_TEST(row->pattern.text.size() >= kShortestText, row->pattern.text);
        BOOST_TEST((find_library_text(row->severity, row->pattern.text) != nullptr), row->pattern.text);
        BOOST_TEST((row->weight.meaning != Meaning::gap || !weigh_text(row->severity, row->pattern.text).label.empty()),
                   row->pattern.text);
    }
}

BOOST_AUTO_TEST_CASE(what_is_said_of_pictures_is_harmless) {
    for (const Severity severity : {Severity::warning, Severity::error})
        for (const char* text : {"PNG: invalid IHDR length", "JPEG: invalid segment"})
            BOOST_TEST((weigh_text(severity, text).meaning == Meaning::harmless), text);
}

BOOST_AUTO_TEST_CASE(a_warning_that_nobody_knows_counts_and_a_debug_message_does_not) {
    BOOST_TEST((weigh_text(Severity::warning, "something that no version has said yet").meaning == Meaning::gap));
    BOOST_TEST((weigh_text(Severity::error, "something that no version has said yet").meaning == Meaning::failure));
    BOOST_TEST((weigh_text(Severity::debug, "something that no version has said yet").meaning == Meaning::harmless));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
