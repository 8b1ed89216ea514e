// Loader -> supervisor. A standby answers pings, and says the rest of this from TakeOver on.
#pragma once

#include "workers/common/ipc/any_child.h"

namespace evermilter::messages {

// Where the load is: "snapshot", "load", "compile", "proof", "fork". For people only.
struct LoadProgress {
    std::string step;
    static constexpr auto fields = std::tuple{&LoadProgress::step};
};
template <>
inline constexpr Bound bound<&LoadProgress::step>{.bytes = 64, .cut = true};

// The snapshot is taken, is not that of the active generation, and no database has vanished: the load begins with
// RoomToLoad. Only where StartLoad asked to wait.
struct LoadAwaitsRoom {
    static constexpr auto fields = std::tuple{};
};

// Loaded, compiled, proven; all scanners are forked and read from the queue.
struct LoaderReady {
    std::uint64_t signatures = 0;
    std::string database_version;   // as clamd's VERSION shows it: "27800/Fri Nov 20 09:36:00 2026", may be empty
    std::int64_t database_time = 0; // Unix time of the newest database, 0 if unknown
    std::string digest;             // SHA-256 over names and contents, lower-case hexadecimal
    std::vector<std::string> databases;
    std::string snapshot;              // its folder's path
    std::string engine_version;        // libclamav's own, for clamd's VERSION: "1.4.6"
    std::uint64_t engine_bytes = 0;    // private memory that load and compilation took
    std::uint64_t expected_bytes = 0;  // what the loader had expected of the databases by their kinds
    std::string source_digest;         // of the directory; differs from `digest` where a broken file was not taken
    std::vector<std::string> broken;   // for people: each file that was not taken, why, and what is there instead
    std::vector<std::string> vanished; // databases of the generation before that are missing, and are given up
    std::string books;                 // not empty: what only keeps books and could not be written
    static constexpr auto fields =
        std::tuple{&LoaderReady::signatures,     &LoaderReady::database_version, &LoaderReady::database_time,
                   &LoaderReady::digest,         &LoaderReady::databases,        &LoaderReady::snapshot,
                   &LoaderReady::engine_version, &LoaderReady::engine_bytes,     &LoaderReady::expected_bytes,
                   &LoaderReady::source_digest,  &LoaderReady::broken,           &LoaderReady::vanished,
                   &LoaderReady::books};
};
template <>
inline constexpr Bound bound<&LoaderReady::database_version>{.bytes = 256, .cut = true};
template <>
inline constexpr Bound bound<&LoaderReady::digest>{.bytes = 128};
template <>
inline constexpr Bound bound<&LoaderReady::databases>{.bytes = kLongestName, .count = 4096};
template <>
inline constexpr Bound bound<&LoaderReady::snapshot>{.bytes = PATH_MAX};
template <>
inline constexpr Bound bound<&LoaderReady::engine_version>{.bytes = 64, .cut = true};

// The directory's content is that of the active generation: nothing was loaded, the loader ends with exit status 0.
struct LoadUnchanged {
    static constexpr auto fields = std::tuple{};
};

// A load of low priority got next to no CPU time: it is given up, and is to begin again at the usual priority.
struct LoadStarved {
    static constexpr auto fields = std::tuple{};
};

// The load was refused; the loader removed what it made and ends. `exit_code` is from sysexits(3): 65 broken, 66
// missing, 77 unreadable, 70 proof failed or internal, 71 out of memory, 73 snapshot cannot be written.
struct LoadFailed {
    std::int32_t exit_code = 0;
    std::string error;
    std::string digest = {};                // of what the directory held, as far as it came
    std::vector<std::string> vanished = {}; // it was refused for these: databases that are missing
    static constexpr auto fields =
        std::tuple{&LoadFailed::exit_code, &LoadFailed::error, &LoadFailed::digest, &LoadFailed::vanished};
};
template <>
inline constexpr Bound bound<&LoadFailed::error>{.bytes = 4096, .cut = true};

struct ScannerStarted {
    std::int64_t pid = 0;
    std::uint32_t slot = 0;
    static constexpr auto fields = std::tuple{&ScannerStarted::pid, &ScannerStarted::slot};
};

// Exit status of a scanner whose temp directory failed (EX_TEMPFAIL): it must be made again.
inline constexpr int kScannerTempFailed = 75;

// A scanner has ended and was reaped; or, with pid 0, none could be forked for the slot, for the reason `error`, and it
// will be tried again. `expected`: it had reached max_jobs or max_age, or the queue ended.
struct ScannerEnded {
    std::int64_t pid = 0;
    std::uint32_t slot = 0;
    std::int32_t wait_status = 0; // as waitpid(2) gives it
    bool expected = false;
    std::string error;
    static constexpr auto fields = std::tuple{&ScannerEnded::pid, &ScannerEnded::slot, &ScannerEnded::wait_status,
                                              &ScannerEnded::expected, &ScannerEnded::error};
};
template <>
inline constexpr Bound bound<&ScannerEnded::error>{.bytes = 1024, .cut = true};

// The standby is forked, and the channel that came for it is its own. Before LoaderReady the first time.
struct StandbyStarted {
    std::int64_t pid = 0;
    static constexpr auto fields = std::tuple{&StandbyStarted::pid};
};

// The standby has ended and was reaped; or, with pid 0, none was forked, for the reason `error`. `expected`: its
// generation ends.
struct StandbyEnded {
    std::int64_t pid = 0;
    std::int32_t wait_status = 0; // as waitpid(2) gives it
    bool expected = false;
    std::string error;
    static constexpr auto fields =
        std::tuple{&StandbyEnded::pid, &StandbyEnded::wait_status, &StandbyEnded::expected, &StandbyEnded::error};
};
template <>
inline constexpr Bound bound<&StandbyEnded::error>{.bytes = 1024, .cut = true};

using FromLoader = std::variant<Hello, Pong, LoadProgress, LoadAwaitsRoom, LoaderReady, LoadUnchanged, LoadStarved,
                                LoadFailed, ScannerStarted, ScannerEnded, StandbyStarted, StandbyEnded>;
template <>
inline constexpr Direction direction<FromLoader> = Direction::from_loader;

} // namespace evermilter::messages
