#include "supervisor/generations/generation_state.h"

#include <array>
#include <cstddef>

namespace evermilter::supervisor {
namespace {

constexpr std::size_t kStates = 5;
constexpr std::size_t kEvents = 5;
using Row = std::array<std::optional<GenerationState>, kEvents>;

constexpr auto kActive = GenerationState::active;
constexpr auto kDraining = GenerationState::draining;
constexpr auto kFailed = GenerationState::failed;
constexpr auto kGone = GenerationState::gone;
constexpr std::nullopt_t kNone = std::nullopt;

// A stop while loading is a refusal: the loader is killed and its generation never served.
constexpr std::array<Row, kStates> kTable{{
    // activated refused superseded stopped    reaped
    {kActive, kFailed, kNone, kFailed, kFailed}, // loading
    {kNone, kNone, kDraining, kDraining, kGone}, // active
    {kNone, kNone, kNone, kDraining, kGone},     // draining
    {kNone, kFailed, kNone, kFailed, kFailed},   // failed
    {kNone, kNone, kNone, kGone, kNone},         // gone
}};

} // namespace

std::optional<GenerationState> next(GenerationState state, GenerationEvent event) noexcept {
    return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

const char* name(GenerationState state) noexcept {
    constexpr std::array<const char*, kStates> names = {"loading", "active", "draining", "failed", "gone"};
    return names[static_cast<std::size_t>(state)];
}

const char* name(GenerationEvent event) noexcept {
    constexpr std::array<const char*, kEvents> names = {"activated", "refused", "superseded", "stopped", "reaped"};
    return names[static_cast<std::size_t>(event)];
}

} // namespace evermilter::supervisor
