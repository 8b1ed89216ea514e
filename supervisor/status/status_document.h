// The documents of the status socket (`status`, `sessions`, `poison`, `snapshots`), as pure functions of the
// supervisor's state.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "supervisor/front/gate.h"
#include "supervisor/state.h"

namespace evermilter::supervisor {

// What the state does not know.
struct StatusContext {
    std::vector<std::string> listeners;
    std::vector<Gate::Guest> in_gate; // connections before hand-over
    std::int64_t now_ns = 0;          // CLOCK_MONOTONIC
    std::int64_t pid = 0;             // of the supervisor
};

// Counters over ended and living session workers.
[[nodiscard]] Counters total_counters(const State& state);
// Open sessions by stage; those in the gate are `negotiate`.
[[nodiscard]] std::array<std::uint64_t, kStages> sessions_by_stage(const State& state, std::size_t in_gate);
// Scanners of a generation that scan at this moment.
[[nodiscard]] std::uint64_t scans_running(const Generation& generation);

[[nodiscard]] nlohmann::ordered_json status_document(const State& state, const StatusContext& around);
[[nodiscard]] nlohmann::ordered_json sessions_document(const State& state, const StatusContext& around);
// The poison messages; those whose time is over are forgotten first.
[[nodiscard]] nlohmann::ordered_json poison_document(State& state, std::int64_t now_ns);

// The snapshots on disk, newest first.
[[nodiscard]] nlohmann::ordered_json snapshots_document(const State& state, const std::string& state_directory);

// On one line; bytes that are not UTF-8 are replaced, never an exception.
[[nodiscard]] std::string to_line(const nlohmann::ordered_json& document);

} // namespace evermilter::supervisor
