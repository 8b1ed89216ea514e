// Supervisor -> session worker.
#pragma once

#include "workers/common/base/peer_address.h"
#include "workers/common/ipc/any_child.h"

namespace evermilter::messages {

// First message to a session worker. `config` is the effective configuration as canonical TOML
// (config::to_toml), parsed by the worker with the one parser; `board` is the worker's scoreboard
// (scoreboard.h), a sealed memfd of the size for workers.sessions_per_worker slots; `origin` names the
// configuration in error messages; `memory` is the MemoryBoard of all session workers, `memory_slot` this one's.
struct ConfigureSession {
    std::string config;
    std::string origin;
    unique_fd board;
    unique_fd memory;
    std::uint32_t memory_slot = 0;
    unique_fd poison;
    static constexpr auto fields =
        std::tuple{&ConfigureSession::config, &ConfigureSession::origin,      &ConfigureSession::board,
                   &ConfigureSession::memory, &ConfigureSession::memory_slot, &ConfigureSession::poison};
};
template <>
inline constexpr Bound bound<&ConfigureSession::config>{.bytes = kLongestConfig};
template <>
inline constexpr Bound bound<&ConfigureSession::origin>{.bytes = PATH_MAX};

// A connection whose negotiation packet is whole in its buffer. `session` is unique for the supervisor's life;
// `slot` the scoreboard slot, free until SessionEnded is sent; `peer` who connected, as the supervisor admitted it;
// `generation` what a new session uses, or 0 when none is active yet; `listener` the [[listener]] that it came by,
// empty for milter.listen; `detection`: its negotiation is that of a scanner of ports.
struct HandOver {
    std::uint64_t session = 0;
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
    PeerAddress peer;
    unique_fd connection;
    std::string listener = {};
    bool detection = false;
    static constexpr auto fields =
        std::tuple{&HandOver::session,    &HandOver::slot,     &HandOver::generation, &HandOver::peer,
                   &HandOver::connection, &HandOver::listener, &HandOver::detection};
};
template <>
inline constexpr Bound bound<&HandOver::listener>{.bytes = 256};

// The sending end of a generation's queue; this generation is the worker's current one from now on. The worker
// answers QueueTaken at once; and QueueReleased when neither a session nor "current" needs it any more.
struct TakeQueue {
    std::uint64_t generation = 0;
    unique_fd queue;
    static constexpr auto fields = std::tuple{&TakeQueue::generation, &TakeQueue::queue};
};

// The drain time of a generation is over: sessions that are still pinned to it use the current one from the next scan
// on. Answered by QueueReleased at once. Jobs already in the queue stay there.
struct LetGo {
    std::uint64_t generation = 0;
    static constexpr auto fields = std::tuple{&LetGo::generation};
};

// No further sessions will come. The worker ends when its last session has ended. `refuse_mail`: the next MAIL of
// a session gets 421 (graceful stop, or an old configuration past session_max); `deadline_ns`: CLOCK_MONOTONIC at
// which what is left is closed, 0 for none.
struct DrainSessions {
    bool refuse_mail = false;
    std::int64_t deadline_ns = 0;
    static constexpr auto fields = std::tuple{&DrainSessions::refuse_mail, &DrainSessions::deadline_ns};
};

// No generation can serve: what waits for one, and each message that comes, is answered with actions.error at once.
struct NoGeneration {
    std::string reason;
    static constexpr auto fields = std::tuple{&NoGeneration::reason};
};
template <>
inline constexpr Bound bound<&NoGeneration::reason>{.bytes = 4096, .cut = true};

using ToSession = std::variant<Ping, ReopenLog, ShutdownTime, ConfigureSession, HandOver, TakeQueue, LetGo,
                               DrainSessions, NoGeneration>;
template <>
inline constexpr Direction direction<ToSession> = Direction::to_session;

} // namespace evermilter::messages
