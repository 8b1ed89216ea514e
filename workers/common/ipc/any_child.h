// What the supervisor and every child of it say to each other, whatever its role. These messages are the first ones of
// each role's variants, and have the same type on the wire in all of them.
#pragma once

#include "workers/common/ipc/message.h"

namespace evermilter::messages {

// ---------------------------------------------------------------- any child -> supervisor

// First message of each child, at once after its exec. (A standby sends none: it is forked, and its loader announces
// it.)
struct Hello {
    std::uint32_t protocol = kProtocol;
    Role role = Role::session;
    std::int64_t pid = 0;
    static constexpr auto fields = std::tuple{&Hello::protocol, &Hello::role, &Hello::pid};
};

// Answer to Ping, from the thread that does the child's main work.
struct Pong {
    std::uint64_t serial = 0;
    static constexpr auto fields = std::tuple{&Pong::serial};
};

using FromAnyChild = std::variant<Hello, Pong>;
template <>
inline constexpr Direction direction<FromAnyChild> = Direction::from_any_child;

// ---------------------------------------------------------------- supervisor -> any child

struct Ping {
    std::uint64_t serial = 0;
    static constexpr auto fields = std::tuple{&Ping::serial};
};

// The log's targets are to be opened again (SIGUSR1 of the supervisor).
struct ReopenLog {
    static constexpr auto fields = std::tuple{};
};

// timeouts.shutdown has changed. Session workers and loaders keep to it where the supervisor dies.
struct ShutdownTime {
    std::int64_t milliseconds = 0;
    static constexpr auto fields = std::tuple{&ShutdownTime::milliseconds};
};

using ToAnyChild = std::variant<Ping, ReopenLog, ShutdownTime>;
template <>
inline constexpr Direction direction<ToAnyChild> = Direction::to_any_child;

} // namespace evermilter::messages
