// What the status document, the metrics and clamd's STATS show, computed once from the State: one definition of which
// generation has an engine in memory, which scanner scans, where a session is, and what was counted. The three only
// write it down, so that they cannot disagree. Reads the children's scoreboards, whose values it takes as unproven.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/front/gate.h"
#include "supervisor/state.h"

namespace evermilter::supervisor {

// What the state does not know.
struct StatusContext {
    std::vector<std::string> listeners;
    std::vector<std::string> proxy_listeners; // of these, those that expect a PROXY header
    std::vector<Gate::Guest> in_gate;         // connections before hand-over
    std::int64_t now_ns = 0;                  // CLOCK_MONOTONIC
    std::int64_t pid = 0;                     // of the supervisor
    std::uint32_t scanners = 0;               // that a generation has which is loaded now
};

struct ScannerView {
    pid_t pid = 0;
    std::int64_t busy_since_ns = 0; // CLOCK_MONOTONIC; 0: idle

    [[nodiscard]] bool scans() const noexcept { return busy_since_ns != 0; }
};

struct GenerationView {
    const Generation* generation = nullptr; // never null
    bool in_memory = false;                 // one of its processes is not reaped, its loader or another
    std::vector<ScannerView> scanners;
    std::uint64_t scanning = 0; // of these
    std::uint64_t sessions = 0; // that use it
};

// A session that was handed over. Until its worker has begun it, it is at `connect` and of no generation.
struct SessionView {
    const Session* session = nullptr; // never null
    Stage stage = Stage::connect;
    std::int64_t since_ns = 0; // CLOCK_MONOTONIC at which the stage began
    std::uint64_t generation = 0;
    std::string queue_id;
    pid_t worker_pid = 0;
};

// Refers to the State, and lives no longer than the answer that is made from it.
struct StatusView {
    const State* state = nullptr; // never null
    StatusContext context;
    Counters counters; // over ended and living processes
    std::vector<GenerationView> generations;
    std::vector<SessionView> sessions;             // by id
    std::array<std::uint64_t, kStages> by_stage{}; // of these; those in the gate are `negotiate`
    std::uint64_t sessions_open = 0;               // the sum of by_stage
    std::uint64_t engines = 0;                     // generations that are in memory
    std::uint64_t scanners_live = 0;               // of all generations
    std::uint64_t scanners_scanning = 0;           // of these
    std::uint64_t scanners_wanted = 0;             // that the current generation is to have
    pid_t engine_process = 0;                      // one that holds the current engine; 0: none
    double uptime_seconds = 0;
};

// Over ended and living processes.
[[nodiscard]] Counters total_counters(const State& state);

[[nodiscard]] StatusView view_of(const State& state, StatusContext context);

// 0 for what has not begun, or begins later than now.
[[nodiscard]] double seconds_since(std::int64_t then_ns, std::int64_t now_ns);

} // namespace evermilter::supervisor
