// A connection that libmilter has, and all of them by their descriptor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "workers/session/libmilter/connection_state.h"
#include "workers/session/libmilter/inserted_commands.h"

namespace evermilter::session::libmilter {

// How long the session was silent before its last packet. A thread waits a moment for the next packet of a quick one.
enum class Pace : std::uint8_t { quick, slow };

struct Connection {
    bool tcp = false;
    ConnectionState state = ConnectionState::accepted;
    Pace pace = Pace::quick;

    // The packet that was let through, or is being received.
    char command = '\0';
    std::size_t length = 0; // as the packet says itself
    std::size_t seen = 0;   // bytes that were there at the last look
    int ticks = 0;          // since it grew

    std::optional<std::chrono::steady_clock::time_point> silent_since;  // as the controller has seen it
    std::optional<std::chrono::steady_clock::time_point> partial_since; // only bytes that need no thread yet have come

    // The order of commands: what libmilter would drop (inserted_commands.h). Its thread's.
    char last = '\0';        // the command before the next, macros left out
    bool in_message = false; // set_in_message()
    bool unanswered = false; // the MTA waits for no reply to headers and body
    std::optional<InsertedCommands> inserted;
};

// Descriptors are small numbers, and the controller looks for all of them at each event.
class Connections {
  public:
    // nullptr: none of ours. Valid until the next put().
    [[nodiscard]] Connection* find(int descriptor) noexcept {
        const auto index = static_cast<std::size_t>(descriptor);
        return descriptor >= 0 && index < slots_.size() && slots_[index] ? &*slots_[index] : nullptr;
    }
    void put(int descriptor, Connection connection) {
        const auto index = static_cast<std::size_t>(descriptor);
        if (index >= slots_.size()) slots_.resize(index + 1);
        slots_[index] = std::move(connection);
    }
    void erase(int descriptor) noexcept {
        if (find(descriptor) != nullptr) slots_[static_cast<std::size_t>(descriptor)].reset();
    }
    // One more than the highest descriptor there was.
    [[nodiscard]] int end() const noexcept { return static_cast<int>(slots_.size()); }

  private:
    std::vector<std::optional<Connection>> slots_;
};

} // namespace evermilter::session::libmilter
