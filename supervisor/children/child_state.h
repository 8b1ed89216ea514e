// The life of a child process as the supervisor sees it: one table, state × event. Pure.
// An event that the table does not allow in a state is a fault of the child (or of its channel): it is killed.
#pragma once

#include <cstdint>
#include <optional>

namespace evermilter::supervisor {

enum class ChildState : std::uint8_t {
    starting, // forked; has not said that it is ready
    ready,    // serves; new work is given to it
    draining, // gets no new work, finishes what it has
    stopping, // told or forced to end (killed, or its channel closed); its exit is awaited
    dead,     // reaped
};

enum class ChildChange : std::uint8_t {
    ready,       // it said so
    drain,       // we want it to end when its work is done
    unfit,       // it takes no more work and drains by itself
    channel_end, // EOF or garbage on its channel
    kill,        // we kill it
    reaped,      // waitpid(2) has given its status
};

// nullopt where the event has no place in the state.
[[nodiscard]] std::optional<ChildState> next(ChildState state, ChildChange event) noexcept;

[[nodiscard]] const char* name(ChildState state) noexcept; // as in the status document
[[nodiscard]] const char* name(ChildChange event) noexcept;

} // namespace evermilter::supervisor
