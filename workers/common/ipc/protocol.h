// What all processes of ours agree on before they speak: the version of the messages, what a process may be, and which
// directions messages go. Each direction is one variant (to_session.h, from_session.h, to_loader.h, from_loader.h,
// scan_job.h), so that a message sent the wrong way does not compile. A change of any message is a change of kProtocol:
// the first message on each channel is Hello, and a peer of another protocol is refused (the binaries are opened at the
// supervisor's start, so versions never mix).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace evermilter::messages {

inline constexpr std::uint32_t kProtocol = 10;

// What a process of ours is.
enum class Role : std::uint8_t { session, loader, standby, scanner };

// By Role: the names of the status document, the metrics and the log.
inline constexpr std::array kRoleNames = {"session", "loader", "standby", "scanner"};
inline constexpr std::size_t kRoles = kRoleNames.size();

[[nodiscard]] constexpr const char* role_name(Role role) noexcept {
    return kRoleNames.at(static_cast<std::size_t>(role));
}

// The high byte of a message's type on the wire (codec.h); the low byte is its place in the direction's variant.
enum class Direction : std::uint8_t {
    from_any_child,
    to_any_child,
    to_session,
    from_session,
    to_loader,
    from_loader,
    to_scanner,
    from_scanner,
};

// Specialized for the variant of each direction, below it.
template <class Messages>
inline constexpr Direction direction = Direction::from_any_child;

} // namespace evermilter::messages
