// The life of a generation: one table, state × event, and the count of acknowledgements that makes it active.
// A generation is one loaded set of signatures: its loader, its scanners, its queue. Pure.
#pragma once

#include <cstdint>
#include <optional>

namespace evermilter::supervisor {

enum class GenerationState : std::uint8_t {
    loading,  // its loader was forked; nobody uses it
    active,   // new sessions use it
    draining, // a successor is active, or the service stops; lives until the last holder of its queue lets go
    failed,   // never became active; kept for the status only
    gone,     // its loader and its scanners are reaped; kept for the status only
};

enum class GenerationEvent : std::uint8_t {
    activated,  // Ready was said and every session worker has acknowledged the queue
    refused,    // LoadFailed, LoadUnchanged, load_timeout, or its loader died while loading
    superseded, // a successor is active
    stopped,    // the service stops
    reaped,     // the loader and all scanners are reaped
};

// nullopt where the event has no place in the state.
[[nodiscard]] std::optional<GenerationState> next(GenerationState state, GenerationEvent event) noexcept;

[[nodiscard]] const char* name(GenerationState state) noexcept; // as in the status document
[[nodiscard]] const char* name(GenerationEvent event) noexcept;

} // namespace evermilter::supervisor
