// Every message between two of our processes: one struct each, gathered in one variant.
// The comment of a struct says who sends it, when, and what the sender owes. The codec (codec.h) reads the
// fields from `fields`, in that order; a descriptor among them travels by SCM_RIGHTS. A change of any struct
// here is a change of kProtocol: the first message on each channel is Hello, and a peer of another protocol
// is refused (the binaries are opened at the supervisor's start, so versions never mix).
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "workers/common/base/unique_fd.h"
#include "workers/common/shared/message_digests.h"
#include "workers/common/shared/unseen.h"

namespace evermilter::messages {

inline constexpr std::uint32_t kProtocol = 6;

// What a process of ours is. The names (role_name) are those of the status document.
enum class Role : std::uint8_t { session, loader, standby, scanner };

// ---------------------------------------------------------------- any child -> supervisor

// First message of each child, at once after its exec. (A standby has none: it is forked, and its loader tells of it.)
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

// ---------------------------------------------------------------- supervisor -> any child

struct Ping {
    std::uint64_t serial = 0;
    static constexpr auto fields = std::tuple{&Ping::serial};
};

// Log targets are to be opened anew (SIGUSR1 of the supervisor).
struct ReopenLog {
    static constexpr auto fields = std::tuple{};
};

// timeouts.shutdown has changed: session workers and loaders keep to it where the supervisor dies.
struct ShutdownTime {
    std::int64_t milliseconds = 0;
    static constexpr auto fields = std::tuple{&ShutdownTime::milliseconds};
};

// ---------------------------------------------------------------- supervisor -> session worker

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

// A connection whose negotiation packet is whole in its buffer. `session` is unique for the supervisor's life;
// `slot` the scoreboard slot, free until SessionEnded is sent; `peer` is for logs (address, or pid/uid of a
// unix peer); `generation` what a new session uses, or 0 when none is active yet.
struct HandOver {
    std::uint64_t session = 0;
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
    std::string peer;
    unique_fd connection;
    static constexpr auto fields =
        std::tuple{&HandOver::session, &HandOver::slot, &HandOver::generation, &HandOver::peer, &HandOver::connection};
};

// The sending end of a generation's queue; this generation is the worker's current one from now on. The worker
// answers QueueTaken at once; and QueueReleased when neither a session nor "current" needs it any more.
struct TakeQueue {
    std::uint64_t generation = 0;
    unique_fd queue;
    static constexpr auto fields = std::tuple{&TakeQueue::generation, &TakeQueue::queue};
};

// The drain time of a generation is over: whoever is still pinned to it uses the current one from the next scan
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

// ---------------------------------------------------------------- session worker -> supervisor

// Configured; hand-overs may come.
struct SessionWorkerReady {
    static constexpr auto fields = std::tuple{};
};

// The worker cannot serve and ends. `exit_code` is from sysexits(3).
struct SessionWorkerFailed {
    std::int32_t exit_code = 0;
    std::string error;
    static constexpr auto fields = std::tuple{&SessionWorkerFailed::exit_code, &SessionWorkerFailed::error};
};

struct QueueTaken {
    std::uint64_t generation = 0;
    static constexpr auto fields = std::tuple{&QueueTaken::generation};
};

// No descriptor of the generation's queue is held by this worker any more.
struct QueueReleased {
    std::uint64_t generation = 0;
    static constexpr auto fields = std::tuple{&QueueReleased::generation};
};

// The connection is closed and its slot free. Exactly one for each HandOver while the worker lives.
struct SessionEnded {
    std::uint64_t session = 0;
    static constexpr auto fields = std::tuple{&SessionEnded::session};
};

// A detection, for the count by name. Sent once for each infected message.
struct Detection {
    std::string virus;
    std::uint64_t generation = 0;
    static constexpr auto fields = std::tuple{&Detection::virus, &Detection::generation};
};

// A scanner that has said Taken did not answer within max_scan_time + 5 s. The supervisor passes it on to the
// loader of that generation, which kills its child (ScannerOverdue is the same struct both ways).
struct ScannerOverdue {
    std::uint64_t generation = 0;
    std::int64_t scanner = 0; // pid, as proven by SCM_CREDENTIALS of Taken
    std::uint64_t job = 0;
    static constexpr auto fields =
        std::tuple{&ScannerOverdue::generation, &ScannerOverdue::scanner, &ScannerOverdue::job};
};

// Why a message is suspected of being poison.
enum class Suspected : std::uint8_t {
    died,     // its scanner died after Taken
    cpu_time, // its scan took CPU time past max_scan_time
};

// A message that has cost a scanner, for the table of poison messages. Sent once for each Taken that ended so.
struct Suspicion {
    std::uint64_t generation = 0;
    std::int64_t scanner = 0; // pid, as proven by SCM_CREDENTIALS of Taken
    Suspected why = Suspected::died;
    MessageDigests digests;
    static constexpr auto fields =
        std::tuple{&Suspicion::generation, &Suspicion::scanner, &Suspicion::why, &Suspicion::digests};
};

// A poison message came again and was not scanned. Sent once for each.
struct PoisonMet {
    MessageDigests digests;
    static constexpr auto fields = std::tuple{&PoisonMet::digests};
};

// The worker takes no more sessions (a pool thread could not be made): replace it; it drains by itself.
struct SessionWorkerUnfit {
    std::string reason;
    static constexpr auto fields = std::tuple{&SessionWorkerUnfit::reason};
};

// ---------------------------------------------------------------- supervisor -> loader

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

// The standby has ended: another is to be forked, with this channel. Answered by StandbyStarted or StandbyEnded.
struct StartStandby {
    unique_fd channel;
    static constexpr auto fields = std::tuple{&StartStandby::channel};
};

// Also to a standby. The state directory is another one than before: the lock on the engine (engine_lock.h) is to be
// taken there again.
struct LockEngine {
    static constexpr auto fields = std::tuple{};
};

// The scanner is idle and takes nothing although messages wait in the queue: it is killed, whatever is wrong with it,
// and replaced when it was reaped.
struct ReplaceScanner {
    std::int64_t scanner = 0; // its pid
    static constexpr auto fields = std::tuple{&ReplaceScanner::scanner};
};

// Answer to LoadAwaitsRoom: no other engine is in memory.
struct RoomToLoad {
    static constexpr auto fields = std::tuple{};
};

// ---------------------------------------------------------------- supervisor -> standby

// The loader is reaped: the standby is the generation's loader from now on. `scanners` are those that live, by slot (0:
// none); they are the supervisor's children by now, and it reaps them. `standby` is the channel of the next standby.
struct TakeOver {
    std::vector<std::int64_t> scanners;
    unique_fd standby;
    static constexpr auto fields = std::tuple{&TakeOver::scanners, &TakeOver::standby};
};

// ---------------------------------------------------------------- loader -> supervisor

// Where the load is: "snapshot", "load", "compile", "proof", "fork". For people only.
struct LoadProgress {
    std::string step;
    static constexpr auto fields = std::tuple{&LoadProgress::step};
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

// The snapshot is taken, is not that of the active generation, and no database has vanished: the load begins with
// RoomToLoad. Only where StartLoad asked to wait.
struct LoadAwaitsRoom {
    static constexpr auto fields = std::tuple{};
};

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

struct ScannerStarted {
    std::int64_t pid = 0;
    std::uint32_t slot = 0;
    static constexpr auto fields = std::tuple{&ScannerStarted::pid, &ScannerStarted::slot};
};

// Exit status of a scanner whose temp directory failed (EX_TEMPFAIL): it must be made anew.
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

// ---------------------------------------------------------------- session worker -> scanner (on the queue)

// One message to scan. `message` is a sealed memfd or an unlinked file, read with pread(2) from 0 on; `reply` a
// SOCK_SEQPACKET end on which the scanner says Taken and then ScanResult, and closes it. A scanner that finds the
// deadline past, the other end of `reply` closed, or the message poison, drops the job without Taken.
struct ScanJob {
    std::uint64_t job = 0;
    std::int64_t deadline_ns = 0; // CLOCK_MONOTONIC by which Taken must have been said (queue_timeout)
    std::uint64_t size = 0;       // bytes
    std::uint64_t session = 0;
    std::string queue_id;
    MessageDigests digests;
    unique_fd message;
    unique_fd reply;
    static constexpr auto fields =
        std::tuple{&ScanJob::job,      &ScanJob::deadline_ns, &ScanJob::size,    &ScanJob::session,
                   &ScanJob::queue_id, &ScanJob::digests,     &ScanJob::message, &ScanJob::reply};
};

// ---------------------------------------------------------------- scanner -> session worker (on the reply socket)

// The scan begins: queue time ends. The sender's pid is taken from SCM_CREDENTIALS, never from the message.
struct Taken {
    std::uint64_t job = 0;
    static constexpr auto fields = std::tuple{&Taken::job};
};

// What a scan came to. Only `clean` is clean.
enum class ScanOutcome : std::uint8_t {
    clean,
    infected,    // detail: the virus name
    incomplete,  // `unseen` has the reasons; detail: their labels, e.g. "MaxFiles" or "encrypted,
                 // MaxFileSize"
    error,       // detail: the reason; the time limit is one
    temp_failed, // detail: the reason; the scanner ends itself and the message may be tried on another
};

inline constexpr std::size_t kLongestDetail = 1024;
inline constexpr std::size_t kLongestLedger = 1024;

struct ScanResult {
    std::uint64_t job = 0;
    ScanOutcome outcome = ScanOutcome::error;
    std::string detail;       // at most kLongestDetail bytes
    std::int64_t scan_ns = 0; // wall time of the scan
    std::int64_t cpu_ns = 0;  // CPU time that it took
    UnseenSet unseen = 0;     // why parts were not looked at; only with incomplete, and never 0 then
    std::string ledger = {}; // which parts, for the log: "2.1 a.zip/b.exe: encrypted; …"; at most kLongestLedger bytes
    std::uint64_t scanned = 0; // bytes of the message that the scanner read: what was handed to libclamav
    static constexpr auto fields =
        std::tuple{&ScanResult::job,    &ScanResult::outcome, &ScanResult::detail, &ScanResult::scan_ns,
                   &ScanResult::cpu_ns, &ScanResult::unseen,  &ScanResult::ledger, &ScanResult::scanned};
};

using Message = std::variant<Hello, Pong, Ping, ReopenLog, ShutdownTime, ConfigureSession, HandOver, TakeQueue, LetGo, DrainSessions,
                             NoGeneration, SessionWorkerReady, SessionWorkerFailed, QueueTaken, QueueReleased,
                             SessionEnded, Detection, ScannerOverdue, Suspicion, PoisonMet, SessionWorkerUnfit,
                             StartLoad, RoomToLoad, LockEngine, StartStandby, ReplaceScanner, TakeOver, LoadProgress,
                             LoadAwaitsRoom, LoaderReady, LoadUnchanged, LoadStarved, LoadFailed, ScannerStarted,
                             ScannerEnded, StandbyStarted, StandbyEnded, ScanJob, Taken, ScanResult>;

[[nodiscard]] const char* role_name(Role role) noexcept;                 // "session", "loader", …
[[nodiscard]] const char* message_name(const Message& message) noexcept; // "HandOver", …, for logs

} // namespace evermilter::messages
