#include "supervisor/generations/generation.h"

#include <algorithm>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

// Bounds of a loader's texts.
constexpr std::size_t kMostTexts = 64;
constexpr std::size_t kLongestText = 512;

// What was lost with databases that are given up, for the answer, the status and the log.
void note_vanished(Generation& generation, const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    const std::uint64_t had = generation.signatures_before;
    const std::uint64_t lost = had > generation.signatures ? had - generation.signatures : 0;
    text.resize(std::min(text.size(), kLongestText));
    log::warning("databases-vanished", {{"generation", generation.id}, {"databases", text}, {"signatures_lost", lost}});
    generation.notes.push_back("vanished and given up: " + text + "; " + std::to_string(lost) +
                               " signatures fewer than before");
}

} // namespace

bool has_process(const Generation& generation) {
    return generation.loader.pid != 0 || generation.standby.pid != 0 || !generation.scanners.empty();
}

void take_ready(Generation& generation, messages::LoaderReady&& ready, std::int64_t unix_time) {
    generation.loaded = true;
    generation.signatures = ready.signatures;
    generation.database_version = std::move(ready.database_version);
    generation.database_time = ready.database_time;
    generation.digest = std::move(ready.digest);
    generation.source_digest = std::move(ready.source_digest);
    generation.databases = std::move(ready.databases);
    generation.broken = std::move(ready.broken);
    if (generation.broken.size() > kMostTexts) generation.broken.resize(kMostTexts);
    for (std::string& text : generation.broken) text.resize(std::min(text.size(), kLongestText));
    generation.books = ready.books.substr(0, kLongestText);
    if (!ready.vanished.empty()) note_vanished(generation, ready.vanished);
    generation.snapshot = std::move(ready.snapshot);
    generation.engine_version = std::move(ready.engine_version);
    generation.engine_bytes = ready.engine_bytes;
    generation.expected_bytes = ready.expected_bytes;
    generation.loaded_at = unix_time;
}

} // namespace evermilter::supervisor
