#include "workers/scanner/scan_verdict.h"

#include <algorithm>
#include <array>

namespace evermilter::scanner {
namespace {

using messages::ScanOutcome;

constexpr std::string_view kLimitPrefix = "Heuristics.Limits.Exceeded.";
constexpr std::string_view kTimeLimit = "MaxScanTime";

// What libclamav's own messages about files that it cannot make or write contain (its sources, 1.4).
constexpr std::array<std::string_view, 8> kTempWords = {"temp",           "tmp",       "an't create", "rite",
                                                        "error creating", "to create", "unlink",      "disc space"};

bool about_temp_files(const ScanFacts& facts, std::string_view text) {
    if (!facts.temp_directory.empty() && text.find(facts.temp_directory) != std::string_view::npos) return true;
    return std::any_of(kTempWords.begin(), kTempWords.end(),
                       [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

} // namespace

std::string_view exceeded_limit(std::string_view name) noexcept {
    return name.starts_with(kLimitPrefix) ? name.substr(kLimitPrefix.size()) : std::string_view{};
}

Verdict judge(const ScanFacts& facts) {
    const std::string_view limit = exceeded_limit(facts.name);
    if (facts.code == ScanCode::detection && limit.empty()) return {ScanOutcome::infected, facts.name};

    for (const auto& message : facts.messages) {
        if (message.severity != Severity::error) continue;
        return {about_temp_files(facts, message.text) ? ScanOutcome::temp_failed : ScanOutcome::error, message.text};
    }
    if (facts.lost_output)
        return {ScanOutcome::temp_failed, "a temporary file could not be written in " + facts.temp_directory};
    if (facts.code == ScanCode::temp_failure) return {ScanOutcome::temp_failed, facts.code_text};
    if (facts.code == ScanCode::failure) return {ScanOutcome::error, facts.code_text};
    if (facts.time_limit_passed || limit == kTimeLimit) return {ScanOutcome::error, std::string(kTimeLimit)};
    if (!limit.empty()) return {ScanOutcome::incomplete, std::string(limit)};
    return {ScanOutcome::clean, {}};
}

} // namespace evermilter::scanner
