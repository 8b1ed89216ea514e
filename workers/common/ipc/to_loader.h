// Supervisor -> loader, and standby: that is a loader from TakeOver on.
#pragma once

#include "workers/common/ipc/any_child.h"
#include "workers/common/ipc/scanner_overdue.h"

namespace evermilter::messages {

// First message to a loader. `queue` is the receiving end of the generation's queue; `board` the generation's
// scoreboard (scoreboard.h), a memfd for `scanners` slots. `active_*` describe what serves now, for the proof and
// for "unchanged" and for the need of memory; all empty or 0 when nothing does. `active_databases`
// are the names without suffix, `active_digest` is that of the directory as it was then. `may_vanish` are databases
// that are missing for long enough to be given up. `check_files`: the last loader died of the directory, so that its
// third-party files are tried by themselves first. `reuse_snapshot` names a snapshot to load as it is (rollback), empty
// for a new one. `await_room`: nothing is loaded before RoomToLoad (reload.mode = "replace"). `standby` is the channel
// of the standby that the loader forks before LoaderReady. `poison` is the PoisonBoard (poison_board.h), empty for
// none.
struct StartLoad {
    std::uint64_t generation = 0;
    std::string config;
    std::string origin;
    std::uint32_t scanners = 0;
    bool force = false;
    bool await_room = false;
    std::string reuse_snapshot;
    std::string active_digest;
    std::uint64_t active_signatures = 0;
    std::vector<std::string> active_databases;
    std::string active_snapshot;
    std::vector<std::string> may_vanish;
    bool check_files = false;
    std::uint64_t active_engine_bytes = 0; // as LoaderReady said them
    std::uint64_t active_expected_bytes = 0;
    bool low_priority = false;    // takes only CPU time that nobody else wants; may end with LoadStarved
    std::int64_t deadline_ns = 0; // CLOCK_MONOTONIC; the supervisor kills the loader then
    unique_fd queue;
    unique_fd board;
    unique_fd standby;
    unique_fd poison;
    static constexpr auto fields = std::tuple{&StartLoad::generation,
                                              &StartLoad::config,
                                              &StartLoad::origin,
                                              &StartLoad::scanners,
                                              &StartLoad::force,
                                              &StartLoad::await_room,
                                              &StartLoad::reuse_snapshot,
                                              &StartLoad::active_digest,
                                              &StartLoad::active_signatures,
                                              &StartLoad::active_databases,
                                              &StartLoad::active_snapshot,
                                              &StartLoad::may_vanish,
                                              &StartLoad::check_files,
                                              &StartLoad::active_engine_bytes,
                                              &StartLoad::active_expected_bytes,
                                              &StartLoad::low_priority,
                                              &StartLoad::deadline_ns,
                                              &StartLoad::queue,
                                              &StartLoad::board,
                                              &StartLoad::standby,
                                              &StartLoad::poison};
};
template <>
inline constexpr Bound bound<&StartLoad::config>{.bytes = kLongestConfig};
template <>
inline constexpr Bound bound<&StartLoad::origin>{.bytes = PATH_MAX};
template <>
inline constexpr Bound bound<&StartLoad::reuse_snapshot>{.bytes = PATH_MAX};
template <>
inline constexpr Bound bound<&StartLoad::active_digest>{.bytes = 128};
template <>
inline constexpr Bound bound<&StartLoad::active_databases>{.bytes = kLongestName, .count = 4096};

// Answer to LoadAwaitsRoom: no other engine is in memory.
struct RoomToLoad {
    static constexpr auto fields = std::tuple{};
};

// Also to a standby. The state directory is another one than before: the lock on the engine (engine_lock.h) is to be
// taken there again.
struct LockEngine {
    static constexpr auto fields = std::tuple{};
};

// The standby has ended: another is to be forked, with this channel. Answered by StandbyStarted or StandbyEnded.
struct StartStandby {
    unique_fd channel;
    static constexpr auto fields = std::tuple{&StartStandby::channel};
};

// The scanner is idle and takes nothing although messages wait in the queue: it is killed, whatever is wrong with it,
// and replaced when it was reaped.
struct ReplaceScanner {
    std::int64_t scanner = 0; // its pid
    static constexpr auto fields = std::tuple{&ReplaceScanner::scanner};
};

// The loader is reaped: the standby is the generation's loader from now on. `scanners` are those that live, by slot (0:
// none); they are the supervisor's children by now, and it reaps them. `standby` is the channel of the next standby.
struct TakeOver {
    std::vector<std::int64_t> scanners;
    unique_fd standby;
    static constexpr auto fields = std::tuple{&TakeOver::scanners, &TakeOver::standby};
};
template <>
inline constexpr Bound bound<&TakeOver::scanners>{.count = 4096};

using ToLoader = std::variant<Ping, ReopenLog, ShutdownTime, StartLoad, RoomToLoad, LockEngine, StartStandby,
                              ReplaceScanner, TakeOver, ScannerOverdue>;
template <>
inline constexpr Direction direction<ToLoader> = Direction::to_loader;

} // namespace evermilter::messages
