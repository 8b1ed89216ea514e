// clamd's VERSION and STATS. A generation's engine is a pool, a scanner a thread, a message that waits an item.
#include "supervisor/status/clamd_commands.h"

#include <array>
#include <cstdio>

namespace evermilter::supervisor {

namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr unsigned kIdleTimeout = 30; // clamd's default IdleTimeout; our scanners do not end when idle

std::string fixed(double value, int digits) {
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

} // namespace

std::string clamd_version(const State& state) {
    const Generation* active = state.active_generation();
    if (active == nullptr || active->engine_version.empty()) return "ClamAV";
    std::string text = "ClamAV " + active->engine_version;
    if (!active->database_version.empty()) text += '/' + active->database_version;
    return text;
}

std::string clamd_stats(const StatusView& view, std::uint64_t engine_bytes) {
    std::string items;
    for (const GenerationView& generation : view.generations) {
        for (const ScannerView& scanner : generation.scanners) {
            if (scanner.scans())
                items += "\tINSTREAM " + fixed(seconds_since(scanner.busy_since_ns, view.context.now_ns), 6) + " \n";
        }
    }
    const std::uint64_t busy = view.scanners_scanning;
    const std::uint64_t answering = view.by_stage.at(static_cast<std::size_t>(Stage::eom));
    const std::uint64_t queued = answering > busy ? answering - busy : 0;
    const std::string used = fixed(static_cast<double>(engine_bytes) / kMebibyte, 3) + 'M';
    return "POOLS: 1\n\nSTATE: " + std::string(view.state->active_generation() != nullptr ? "VALID" : "INVALID") +
           " PRIMARY\nTHREADS: live " + std::to_string(view.scanners_live) + "  idle " +
           std::to_string(view.scanners_live - busy) + " max " + std::to_string(view.scanners_wanted) +
           " idle-timeout " + std::to_string(kIdleTimeout) + "\nQUEUE: " + std::to_string(queued) + " items\n" + items +
           "\nMEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools " + std::to_string(view.engines) +
           " pools_used " + used + " pools_total " + used + "\nEND";
}

} // namespace evermilter::supervisor
