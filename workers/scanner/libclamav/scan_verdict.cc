#include "workers/scanner/libclamav/scan_verdict.h"

#include <algorithm>
#include <array>

namespace evermilter::scanner {
namespace {

using messages::ScanOutcome;

constexpr std::string_view kLimitPrefix = "Heuristics.Limits.Exceeded.";
constexpr std::string_view kEncryptedPrefix = "Heuristics.Encrypted.";
constexpr std::string_view kXzLimit = "Heuristics.XZ.DicSizeLimit";
constexpr std::string_view kTimeLimit = "MaxScanTime";

// What libclamav's own messages about files that it cannot make or write contain (its sources, 1.4).
constexpr std::array<std::string_view, 8> kTempWords = {"temp",           "tmp",       "an't create", "rite",
                                                        "error creating", "to create", "unlink",      "disc space"};

// What else was not looked at where the directory was full comes from that.
Verdict incomplete(const Ledger& ledger, bool temp_filled) {
    Ledger full;
    if (temp_filled) full.add(gap_of_limit(kTempLimit, {}, {}, 0));
    const Ledger& shown = temp_filled ? full : ledger;
    Verdict verdict;
    verdict.outcome = ScanOutcome::incomplete;
    verdict.detail = shown.labels(messages::kLongestDetail);
    verdict.unseen = shown.reasons();
    verdict.ledger = shown.text(messages::kLongestLedger);
    return verdict;
}

Verdict plain(ScanOutcome outcome, std::string detail) {
    Verdict verdict;
    verdict.outcome = outcome;
    verdict.detail = std::move(detail);
    return verdict;
}

// A name that is left out must not be one that nobody judges.
std::string in_lines(const std::vector<std::string>& names, bool more) {
    std::string lines;
    const auto add = [&](std::string_view name) {
        if (!lines.empty()) lines += '\n';
        lines += name;
    };
    for (const std::string& name : names) {
        if (lines.size() + name.size() + kMoreNames.size() + 2 > messages::kLongestNames) {
            more = true;
            break;
        }
        add(name);
    }
    if (more) add(kMoreNames);
    return lines;
}

} // namespace

std::string_view exceeded_limit(std::string_view name) noexcept {
    // Nothing of such a file is looked at (scanners.c, 1.4).
    if (name == kXzLimit) return name.substr(name.rfind('.') + 1);
    return name.starts_with(kLimitPrefix) ? name.substr(kLimitPrefix.size()) : std::string_view{};
}

NameKind kind_of_name(std::string_view name, const AskedFor& asked) noexcept {
    if (name == kXzLimit) return NameKind::limit;
    if (const std::string_view limit = exceeded_limit(name); !limit.empty())
        return limit == kTimeLimit ? NameKind::time_limit : NameKind::limit;
    if (name.starts_with(kEncryptedPrefix)) {
        const bool document = name.substr(kEncryptedPrefix.size()) == "PDF"; // its only one, 1.4
        return (document ? asked.encrypted_documents : asked.encrypted_archives) ? NameKind::virus
                                                                                 : NameKind::encrypted;
    }
    return NameKind::virus;
}

bool about_temp_files(std::string_view temp_directory, std::string_view text) {
    if (!temp_directory.empty() && text.find(temp_directory) != std::string_view::npos) return true;
    return std::any_of(kTempWords.begin(), kTempWords.end(),
                       [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

void add_failure(ScanFacts& facts, std::string_view text) {
    if (facts.error.empty() ||
        (about_temp_files(facts.temp_directory, facts.error) && !about_temp_files(facts.temp_directory, text)))
        facts.error = text;
}

Verdict judge(const ScanFacts& facts, const Ledger& ledger) {
    if (!facts.detection.empty()) {
        ScanFacts without = facts;
        without.detection.clear();
        if (without.code == ScanCode::detection) without.code = ScanCode::clean;
        Verdict verdict = judge(without, ledger);
        verdict.rest = verdict.outcome;
        verdict.outcome = ScanOutcome::infected;
        verdict.detail = facts.detection;
        verdict.names = in_lines(facts.others, facts.more_names);
        return verdict;
    }
    if (!facts.error.empty()) {
        const bool about_temp = about_temp_files(facts.temp_directory, facts.error);
        if (!about_temp) return plain(ScanOutcome::error, facts.error);
        if (!facts.temp_filled) return plain(ScanOutcome::temp_failed, facts.error);
    }
    // Tried again elsewhere, or at another time, it may go better; unless it was the message itself that took all room.
    if (facts.lost_output && !facts.temp_filled)
        return plain(ScanOutcome::temp_failed, "a temporary file could not be written in " + facts.temp_directory);
    if (facts.code == ScanCode::temp_failure && !facts.temp_filled)
        return plain(ScanOutcome::temp_failed, facts.code_text);
    if (facts.code == ScanCode::failure) return plain(ScanOutcome::error, facts.code_text);
    if (facts.time_limit_passed) return plain(ScanOutcome::error, std::string(kTimeLimit));
    if (facts.temp_filled || !ledger.empty()) return incomplete(ledger, facts.temp_filled);
    // A detection without a name is none that we know.
    if (facts.code == ScanCode::detection && facts.detection.empty() && ledger.empty())
        return plain(ScanOutcome::error, "libclamav reports a detection without a name");
    return plain(ScanOutcome::clean, {});
}

} // namespace evermilter::scanner
