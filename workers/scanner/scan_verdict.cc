#include "workers/scanner/scan_verdict.h"

#include <algorithm>
#include <array>

namespace evermilter::scanner {
namespace {

using messages::ScanOutcome;

constexpr std::string_view kLimitPrefix = "Heuristics.Limits.Exceeded.";
constexpr std::string_view kTimeLimit = "MaxScanTime";
constexpr std::string_view kTempLimit = "TempSize";

// What libclamav's own messages about files that it cannot make or write contain (its sources, 1.4).
constexpr std::array<std::string_view, 8> kTempWords = {"temp",           "tmp",       "an't create", "rite",
                                                        "error creating", "to create", "unlink",      "disc space"};

// What libclamav's parsers say at error level about content that is cut off or corrupt, and nothing else: each seen
// with such a file (libclamav 1.4.6; engine_test.cc has them). Sent again, the same file would fail again.
constexpr std::array<std::string_view, 11> kMalformed = {
    "cli_scanxz: premature end of compressed stream",
    "cli_scanxz: decompress error: ",
    "cli_egg_peek_file_header: Invalid handle values!",
    "cli_egg_extract_file: egg_file is missing filename!",
    "cli_egg_deflate_decompress: failed to decompress data",
    "cli_egg_bzip2_decompress: failed to decompress data",
    "cli_egg_lzma_decompress: failed to decompress data",
    "HWP3.x: Failed to read fmap for hwp docinfo",
    "HWP3.x: Font Entry: number of fonts is too high, invalid. ",
    "scanzws: Error reading SWF file",
    "scanzws: LzmaInit() failed",
};

bool about_content(std::string_view text) {
    return std::any_of(kMalformed.begin(), kMalformed.end(),
                       [&](std::string_view known) { return text.starts_with(known); });
}

bool about_temp_files(const ScanFacts& facts, std::string_view text) {
    if (!facts.temp_directory.empty() && text.find(facts.temp_directory) != std::string_view::npos) return true;
    return std::any_of(kTempWords.begin(), kTempWords.end(),
                       [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

} // namespace

std::string_view exceeded_limit(std::string_view name) noexcept {
    return name.starts_with(kLimitPrefix) ? name.substr(kLimitPrefix.size()) : std::string_view{};
}

bool leaves_doubt(const ScanFacts& facts) noexcept {
    return facts.lost_output || facts.temp_filled || facts.code == ScanCode::failure ||
           facts.code == ScanCode::temp_failure ||
           std::any_of(facts.messages.begin(), facts.messages.end(),
                       [](const LibraryMessage& message) { return message.severity == Severity::error; });
}

Verdict judge(const ScanFacts& facts) {
    const std::string_view limit = exceeded_limit(facts.name);
    if (facts.code == ScanCode::detection && limit.empty()) return {ScanOutcome::infected, facts.name};

    bool malformed = false;
    for (const auto& message : facts.messages) {
        if (message.severity != Severity::error) continue;
        if (about_content(message.text)) {
            malformed = true;
            continue;
        }
        const bool about_temp = about_temp_files(facts, message.text);
        if (about_temp && facts.temp_filled) continue;
        return {about_temp ? ScanOutcome::temp_failed : ScanOutcome::error, message.text};
    }
    // Tried again elsewhere, or at another time, it may go better; unless it was the message itself that took all room.
    if (facts.lost_output && !facts.temp_filled)
        return {ScanOutcome::temp_failed, "a temporary file could not be written in " + facts.temp_directory};
    if (facts.code == ScanCode::temp_failure && !facts.temp_filled) return {ScanOutcome::temp_failed, facts.code_text};
    if (facts.code == ScanCode::failure) return {ScanOutcome::error, facts.code_text};
    if (facts.time_limit_passed || limit == kTimeLimit) return {ScanOutcome::error, std::string(kTimeLimit)};
    if (facts.temp_filled) return {ScanOutcome::incomplete, std::string(kTempLimit)};
    if (!limit.empty()) return {ScanOutcome::incomplete, std::string(limit)};
    if (malformed) return {ScanOutcome::incomplete, "malformed"};
    return {ScanOutcome::clean, {}};
}

} // namespace evermilter::scanner
