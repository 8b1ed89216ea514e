// A generation as the supervisor keeps it: one loaded set of signatures with its loader, its standby, its scanners and
// its queue. A record; what happens to it is decided by Generations (the switch), StandbyKeeper and ScannerHealth, each
// of which writes its own part.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/children/child.h"
#include "supervisor/children/restart_policy.h"
#include "supervisor/generations/generation_state.h"
#include "supervisor/generations/idle_scanners.h"
#include "supervisor/time_source.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {

struct ScannerProcess {
    pid_t pid = 0;
    std::uint32_t slot = 0; // of the generation's board
};

// What StandbyKeeper knows of the standbys of a generation.
struct StandbyHistory {
    bool ends = false; // the loader has ended it, as the generation ends
    RestartPolicy policy;
    std::string error;         // not empty: why there is no standby, in spite of several attempts
    std::optional<Moment> due; // when to ask for another
    unsigned short_lives = 0;  // loaders in a row that died at once
};

// What ScannerHealth knows of the scanners of a generation.
struct ScannerTrouble {
    RestartPolicy policy;             // counts deaths without a message finished between them; its delays are not used
    std::uint64_t scans_at_death = 0; // messages that the scanners had finished when the last of them died
    Moment died{};                    // when that was
    std::optional<Moment> look;       // when to check again whether they still die
    std::string missing;              // not empty: why there are fewer of them than configured
    std::string dying;                // not empty: they die one after another; how
    std::string idle;                 // not empty: they take no messages although some wait; what is done about it
    std::vector<pid_t> unserving;     // these of them; they are being replaced
    IdleScanners judge;
};

struct Generation {
    std::uint64_t id = 0;
    GenerationState state = GenerationState::loading;
    LoaderChild loader;  // loader.pid 0: reaped
    LoaderChild standby; // its loader's child; pid 0: none is forked, or it was reaped
    StandbyHistory standby_history;
    ScannerTrouble trouble;
    unique_fd queue;                   // sending end, while loading or active
    unique_fd queue_end;               // receiving end, only to look whether messages wait; until all is reaped
    std::optional<ScannerBoard> board; // empty for failed and gone ones
    std::vector<ScannerProcess> scanners;
    bool condemned = false; // all of its processes are to end: nobody takes over, processes that come to us are killed

    // The load.
    std::string step;              // for the status
    bool low_priority = false;     // it may end with LoadStarved
    bool may_be_unchanged = false; // it may end with LoadUnchanged
    bool may_await_room = false;   // it may say LoadAwaitsRoom, once
    bool awaits_room = false;      // it has a snapshot, and waits until no other engine is in memory
    Moment load_timeout{};
    std::uint64_t signatures_before = 0; // of what its load was compared with

    // As LoaderReady said it.
    bool loaded = false; // it came; the following fields are of it
    std::uint64_t signatures = 0;
    std::string database_version;
    std::int64_t database_time = 0;
    std::string digest;
    std::string source_digest; // of the directory as it was; `digest` is without files that were not taken
    std::vector<std::string> databases;
    std::vector<std::string> broken; // texts about files that are not as the directory has them
    std::vector<std::string> notes;  // what else to report of its load: databases that it gave up
    std::string books;               // not empty: what its loader could not record
    std::string snapshot;
    std::string engine_version;
    std::uint64_t engine_bytes = 0; // these two are for the next load
    std::uint64_t expected_bytes = 0;
    std::int64_t loaded_at = 0; // Unix time of LoaderReady, 0 before

    Moment load_started{};
    Moment retired{};             // when it began to drain
    std::optional<Moment> let_go; // when all holders were told to let go
    std::optional<Moment> end_by; // its processes are killed if they have not ended by then
    std::string error;            // why it failed
};

// Whether its loader, its standby or one of its scanners is not reaped: its engine is in memory.
[[nodiscard]] bool has_process(const Generation& generation);

// Takes over what the loader says of what it has loaded, within bounds. Databases that it gave up are logged.
void take_ready(Generation& generation, messages::LoaderReady&& ready, std::int64_t unix_time);

} // namespace evermilter::supervisor
