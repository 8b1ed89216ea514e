#include "supervisor/children/child_state.h"

#include <array>
#include <cstddef>

namespace evermilter::supervisor {
namespace {

constexpr std::size_t kStates = 5;
constexpr std::size_t kEvents = 6;
using Row = std::array<std::optional<ChildState>, kEvents>;

constexpr auto kReady = ChildState::ready;
constexpr auto kDraining = ChildState::draining;
constexpr auto kStopping = ChildState::stopping;
constexpr auto kDead = ChildState::dead;
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

std::optional<ChildState> next(ChildState state, ChildChange event) noexcept {
    return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

const char* name(ChildState state) noexcept {
    constexpr std::array<const char*, kStates> names = {"starting", "ready", "draining", "stopping", "dead"};
    return names[static_cast<std::size_t>(state)];
}

const char* name(ChildChange event) noexcept {
    constexpr std::array<const char*, kEvents> names = {"ready", "drain", "unfit", "channel_end", "kill", "reaped"};
    return names[static_cast<std::size_t>(event)];
}

} // namespace evermilter::supervisor
