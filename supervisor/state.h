// The supervisor's state as one value: descriptors, pids, generations, sessions, counters. What a successor of the
// supervisor needs is here and nowhere else (SIGUSR2 will hand it over); watchers, timers and callbacks belong to
// the parts that use the state and are made again from it.
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

#include "supervisor/children/child.h"
#include "supervisor/counters.h"
#include "supervisor/front/session_registry.h"
#include "supervisor/front/slots.h"
#include "supervisor/generations/decisions.h"
#include "supervisor/generations/generation.h"
#include "supervisor/generations/queue_holders.h"
#include "supervisor/poison/table.h"
#include "workers/common/shared/probe_key.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {

// What a session worker's exit will mean.
enum class Ending : std::uint8_t {
    crash,   // nothing had announced it
    drained, // it was to end
    unfit,   // it has said that it takes no more sessions: a failure that is counted already
    failed,  // it has said that it cannot serve, and why
};

struct SessionWorker {
    SessionChild child;
    std::optional<SessionBoard> board; // always set; optional because a board has no empty value
    std::uint32_t memory_slot = 0;     // of State::memory
    Ending ending = Ending::crash;
    bool refuses_mail = false;       // it drains, and its sessions get 421 at their next MAIL
    Slots slots;                     // of the board; used() is its number of open sessions
    std::uint64_t config_serial = 0; // the configuration it runs with (State::config_serial then)
    std::uint64_t served = 0;        // sessions that ended well: the proof of service
};

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
    std::uint64_t config_serial = 1;        // counts configurations that were taken over
    std::uint64_t current_generation = 0;   // 0: none is active
    Decisions decisions;                    // hold, and which contents were rejected
    std::optional<Stale> stale;             // what the directory holds is not taken
    std::map<std::string, Moment> vanished; // databases that are missing, and when each was first missed
    std::string watch_trouble;   // not empty: why database.watch sees changes only when it looks from time to time
    std::int64_t reload_due = 0; // Unix time at which reload.splay ends and a reload is asked for; 0: none waits
    std::string books_reason;    // not empty: why something that only keeps books cannot be written
    // Lists, because their elements are referred to while others come and go. Ids ascend; the last few generations
    // that failed or are gone stay for the status.
    std::list<SessionWorker> session_workers;
    std::optional<MemoryBoard> memory; // of all session workers; made for the first one
    Slots memory_slots;                // of it, one for each session worker that is not reaped
    std::list<Generation> generations;
    QueueHolders queue_holders;
    SessionRegistry sessions;
    PoisonTable poison;
    LastReload last_reload;
    Counters counters;

    [[nodiscard]] SessionWorker* find_session_worker(std::uint64_t child_id);
    [[nodiscard]] Generation* find_generation(std::uint64_t id);
    [[nodiscard]] Generation* find_generation_of_loader(std::uint64_t child_id);
    [[nodiscard]] Generation* find_generation_of_standby(std::uint64_t child_id);
    [[nodiscard]] Generation* active_generation() { return find_generation(current_generation); }
    [[nodiscard]] const Generation* active_generation() const;
    // Whether a generation calls it its scanner.
    [[nodiscard]] bool has_scanner(pid_t pid) const;
};

// Why the service is degraded, or why its first load has not begun; "" where all is well.
[[nodiscard]] std::string reason_of(const State& state);

} // namespace evermilter::supervisor
