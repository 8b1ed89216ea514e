#include "supervisor/children/child_state.h"

#include <array>
#include <cstddef>

namespace evermilter::supervisor {
namespace {

constexpr std::size_t kStates = 5;
constexpr std::size_t kEvents = 6;
using Row = std::array<std::optional<WorkerState>, kEvents>;

constexpr auto kReady = WorkerState::ready;
constexpr auto kDraining = WorkerState::draining;
constexpr auto kStopping = WorkerState::stopping;
constexpr auto kDead = WorkerState::dead;
constexpr std::nullopt_t kNone = std::nullopt;

// A worker that was told to drain before it was ready says ready nevertheless: it stays draining.
constexpr std::array<Row, kStates> kTable{{
    // ready     drain      unfit      channel_end kill       reaped
    {kReady, kDraining, kDraining, kStopping, kStopping, kDead},    // starting
    {kNone, kDraining, kDraining, kStopping, kStopping, kDead},     // ready
    {kDraining, kDraining, kDraining, kStopping, kStopping, kDead}, // draining
    {kStopping, kStopping, kStopping, kStopping, kStopping, kDead}, // stopping
    {kNone, kNone, kNone, kDead, kDead, kNone},                     // dead
}};

} // namespace

std::optional<WorkerState> next(WorkerState state, WorkerEvent event) noexcept {
    return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

const char* name(WorkerState state) noexcept {
    constexpr std::array<const char*, kStates> names = {"starting", "ready", "draining", "stopping", "dead"};
    return names[static_cast<std::size_t>(state)];
}

const char* name(WorkerEvent event) noexcept {
    constexpr std::array<const char*, kEvents> names = {"ready", "drain", "unfit", "channel_end", "kill", "reaped"};
    return names[static_cast<std::size_t>(event)];
}

} // namespace evermilter::supervisor
