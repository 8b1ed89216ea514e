// clamd's VERSION and STATS from our state.
#include "supervisor/status/clamd_commands.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace evermilter::supervisor {

namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr double kNanosecondsPerSecond = 1e9;
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

std::string clamd_stats(const State& state, const StatusContext& around, std::uint64_t scanners,
                        std::uint64_t engine_bytes) {
    std::uint64_t live = 0;
    std::uint64_t busy = 0;
    std::uint64_t pools = 0;
    std::string items;
    for (const Generation& generation : state.generations) {
        if (generation.loader.pid == 0) continue;
        ++pools;
        live += generation.scanners.size();
        for (const ScannerProcess& scanner : generation.scanners) {
            if (!generation.board || scanner.slot >= generation.board->slots()) continue;
            const std::int64_t since = generation.board->slot(scanner.slot).busy_since_ns.load();
            if (since == 0) continue;
            ++busy;
            const std::int64_t nanoseconds = std::max<std::int64_t>(0, around.now_ns - since);
            items += "\tINSTREAM " + fixed(static_cast<double>(nanoseconds) / kNanosecondsPerSecond, 6) + " \n";
        }
    }
    const std::uint64_t answering =
        sessions_by_stage(state, around.in_gate.size()).at(static_cast<std::size_t>(Stage::eom));
    const std::uint64_t queued = answering > busy ? answering - busy : 0;
    const std::string used = fixed(static_cast<double>(engine_bytes) / kMebibyte, 3) + 'M';
    return "POOLS: 1\n\nSTATE: " + std::string(state.active_generation() != nullptr ? "VALID" : "INVALID") +
           " PRIMARY\nTHREADS: live " + std::to_string(live) + "  idle " + std::to_string(live - std::min(live, busy)) +
           " max " + std::to_string(scanners) + " idle-timeout " + std::to_string(kIdleTimeout) +
           "\nQUEUE: " + std::to_string(queued) + " items\n" + items +
           "\nMEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools " + std::to_string(pools) +
           " pools_used " + used + " pools_total " + used + "\nEND";
}

} // namespace evermilter::supervisor
