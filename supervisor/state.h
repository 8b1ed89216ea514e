// The supervisor's state as one value: descriptors, pids, generations, sessions, counters. What a successor of the
// supervisor needs is here and nowhere else (SIGUSR2 will hand it over); watchers, timers and callbacks belong to
// the parts that use the state and are made anew from it.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "supervisor/children/child_state.h"
#include "supervisor/children/restart_policy.h"
#include "supervisor/counters.h"
#include "supervisor/front/session_registry.h"
#include "supervisor/front/slots.h"
#include "supervisor/generations/decisions.h"
#include "supervisor/generations/generation_state.h"
#include "supervisor/poison/table.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/messages.h"
#include "workers/common/shared/probe_key.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {

// A process of ours with a channel. `id` is unique for the supervisor's life and never used twice, pids are.
struct Child {
    std::uint64_t id = 0;
    messages::Role role = messages::Role::session;
    WorkerState state = WorkerState::starting;
    pid_t pid = 0;                // 0: reaped, must not be signalled
    Channel channel;              // closed after EOF
    bool greeted = false;         // Hello was received and fits
    std::int64_t started_ns = 0;  // CLOCK_MONOTONIC
    std::string kill_reason;      // not empty: we have killed it
    std::uint32_t unanswered = 0; // pings sent since its last Pong
    std::uint32_t beats = 0;      // since its start
};

// What a session worker's exit will mean.
enum class Ending : std::uint8_t {
    crash,   // nothing had announced it
    drained, // it was to end
    unfit,   // it has said that it takes no more sessions: a failure that is counted already
    failed,  // it has said that it cannot serve, and why
};

struct SessionWorker {
    Child child;
    std::optional<SessionBoard> board; // always set; optional because a board has no empty value
    std::uint32_t memory_slot = 0;     // of State::memory
    Ending ending = Ending::crash;
    bool was_ready = false;             // it has said so, once
    bool refuses_mail = false;          // it drains, and its sessions get 421 at their next MAIL
    Slots slots;                        // of the board; used() is its number of open sessions
    std::set<std::uint64_t> holds;      // generations whose queue was sent to it and not released
    std::set<std::uint64_t> taking;     // of these, QueueTaken is still to come
    std::set<std::uint64_t> letting_go; // of these, LetGo was sent and QueueReleased is still to come
    std::int64_t answer_by_ns = 0;      // for what is still to come; silent until then it is killed. 0: nothing
    std::uint64_t config_serial = 0;    // the configuration it runs with (State::config_serial then)
    std::uint64_t served = 0;           // sessions that ended well: the proof of service
};

struct ScannerProcess {
    pid_t pid = 0;
    std::uint32_t slot = 0; // of the generation's board
};

struct Generation {
    std::uint64_t id = 0;
    GenerationState state = GenerationState::loading;
    Child loader;              // loader.pid 0: reaped
    Child standby;             // its loader's child; pid 0: none is forked, or it was reaped
    bool standby_ends = false; // the loader has ended it, as the generation ends
    RestartPolicy standby_policy;
    std::string standby_error;         // not empty: why there is no standby, in spite of several attempts
    std::int64_t standby_due_ns = 0;   // CLOCK_MONOTONIC at which another is asked for; 0: none is to be
    unsigned short_lives = 0;          // loaders in a row that died at once
    RestartPolicy scanner_policy;      // counts their deaths without a message finished by any; its delays are not used
    std::uint64_t scans_at_death = 0;  // messages that they had finished when the last of them died
    std::int64_t died_ns = 0;          // CLOCK_MONOTONIC of that
    std::string scanners_missing;      // not empty: why there are fewer of them than there shall be
    std::string scanners_dying;        // not empty: they die one after another; how
    std::int64_t look_ns = 0;          // CLOCK_MONOTONIC at which is looked whether they still do; 0: they do not
    std::string scanners_idle;         // not empty: they take no messages although some wait; what is done
    std::vector<pid_t> unserving;      // these of them, which are told to be replaced
    unique_fd queue;                   // sending end, while loading or active
    unique_fd queue_end;               // receiving end, only to look whether messages wait; until all is reaped
    std::optional<ScannerBoard> board; // empty for failed and gone ones
    std::vector<ScannerProcess> scanners;
    bool condemned = false;        // all of its processes are to end: nobody takes over, who comes to us is killed
    std::string step;              // of the load, for people
    bool low_priority = false;     // it may end with LoadStarved
    bool may_be_unchanged = false; // it may end with LoadUnchanged
    bool may_await_room = false;   // it may say LoadAwaitsRoom, once
    bool awaits_room = false;      // it has a snapshot, and waits until no other engine is in memory
    std::int64_t load_timeout_ns = 0;
    bool loaded = false; // LoaderReady came; the following fields are of it
    std::uint64_t signatures = 0;
    std::string database_version;
    std::int64_t database_time = 0;
    std::string digest;
    std::string source_digest; // of the directory as it was; `digest` is without files that were not taken
    std::vector<std::string> databases;
    std::vector<std::string> broken; // texts about files that are not as the directory has them
    std::vector<std::string> notes;  // what else its load is to tell: databases that it gave up
    std::string books;               // not empty: what its loader could not record
    std::string snapshot;
    std::string engine_version;
    std::uint64_t signatures_before = 0; // of what its load was compared with
    std::uint64_t engine_bytes = 0;      // these three are for the next load
    std::uint64_t expected_bytes = 0;
    std::int64_t loaded_at = 0; // Unix time of LoaderReady, 0 before
    std::int64_t load_started_ns = 0;
    std::int64_t retired_ns = 0; // CLOCK_MONOTONIC at which it began to drain
    std::int64_t let_go_ns = 0;  // at which everybody was told to let go
    std::int64_t end_by_ns = 0;  // by which its processes must have ended, else they are killed; 0: no bound yet
    std::string error;           // why it failed
};

// Whether its loader, its standby or one of its scanners is not reaped: its engine is in memory.
[[nodiscard]] inline bool has_process(const Generation& generation) {
    return generation.loader.pid != 0 || generation.standby.pid != 0 || !generation.scanners.empty();
}

// The names of ServiceState are those of the status document.
enum class ServiceState : std::uint8_t { starting, ready, reloading, stopping, degraded };
[[nodiscard]] const char* name(ServiceState state) noexcept;

// The last load or reload that ended; the load at start is the first.
struct LastReload {
    bool ok = false;
    std::string error;
    double seconds = 0;
    std::int64_t at = 0; // Unix time of its end, 0: none has ended
};

struct Stale {
    std::int64_t since = 0; // Unix time of the first refusal in a row
    std::string reason;     // of the last
};

struct State {
    ServiceState service = ServiceState::starting;
    std::string degraded_reason; // for ServiceState::degraded
    std::string workers_reason;  // the same, of session workers that cannot be started
    std::string waits_for;       // not empty: why the first load has not begun
    std::string no_signatures;   // not empty: why the first load was refused; it is tried again
    // What time or an administrator must heal, by what is in trouble (a folder's key, an address): why mail or new
    // signatures are not, or may not be, served.
    std::map<std::string, std::string> troubles;
    std::int64_t started_ns = 0; // CLOCK_MONOTONIC
    std::int64_t started_at = 0; // Unix time
    ProbeKey probe_key = make_probe_key();
    std::uint64_t next_child = 1;
    std::uint64_t next_session = 1;
    std::uint64_t config_serial = 1;              // counts configurations that were taken over
    std::uint64_t current_generation = 0;         // 0: none is active
    Decisions decisions;                          // hold, and which contents were rejected
    std::optional<Stale> stale;                   // what the directory holds is not taken
    std::map<std::string, std::int64_t> vanished; // databases that are missing, and CLOCK_MONOTONIC of the first miss
    std::string watch_trouble; // not empty: why database.watch sees changes only when it looks from time to time
    std::string books_reason;  // not empty: why something that only keeps books cannot be written
    // Lists, because their elements are referred to while others come and go. Ids ascend; the last few generations
    // that failed or are gone stay for the status.
    std::list<SessionWorker> session_workers;
    std::optional<MemoryBoard> memory; // of all session workers; made for the first one
    Slots memory_slots;                // of it, one for each session worker that is not reaped
    std::list<Generation> generations;
    SessionRegistry sessions;
    PoisonTable poison;
    LastReload last_reload;
    Counters counters;

    [[nodiscard]] Child* find_child(std::uint64_t child_id);
    [[nodiscard]] SessionWorker* find_session_worker(std::uint64_t child_id);
    [[nodiscard]] Generation* find_generation(std::uint64_t id);
    [[nodiscard]] Generation* find_generation_of_loader(std::uint64_t child_id);
    [[nodiscard]] Generation* find_generation_of_standby(std::uint64_t child_id);
    [[nodiscard]] Generation* active_generation() { return find_generation(current_generation); }
    [[nodiscard]] const Generation* active_generation() const;
};

// Why the service is degraded, or why its first load has not begun; "" where all is well.
[[nodiscard]] std::string reason_of(const State& state);

} // namespace evermilter::supervisor
