// What a load is to do, and how it ended. A reload travels in few forms: a ReloadRequest (operations.h) becomes a
// ReloadOrder (load_queue.h) with its callers; when its turn comes a LoadPlan is made of it, which the loader gets as
// messages::StartLoad; the load ends as a LoadOutcome, and each caller gets a ReloadOutcome.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/settings.h"

namespace evermilter::supervisor {

// With what is served now. What does not compare well is not loaded.
enum class Comparison : std::uint8_t {
    all,       // the same content is not loaded again; a missing database or far fewer signatures refuse the load
    databases, // the same content is loaded again, but no database may be missing
    none,      // it is loaded, whatever it is
};

struct LoadPlan {
    Comparison compare = Comparison::all;
    bool force = false;
    bool low_priority = true;                      // while others serve: takes only CPU time that nobody else wants
    bool check_files = false;                      // the last loader died of the directory
    std::string reuse_snapshot = {};               // empty: a new one
    std::shared_ptr<const Settings> settings = {}; // empty: those in use
};

struct LoadOutcome {
    enum class How : std::uint8_t {
        active,    // new sessions use it
        unchanged, // the content is the one that is served: nothing was loaded
        starved,   // it had low priority and got next to no CPU time
        refused,
    };
    How how = How::refused;
    std::uint64_t generation = 0; // the current one after it

    // For refused only.
    int exit_code = 0; // sysexits
    std::string error = {};
    bool may_pass = false;                  // time can heal it: no room, no memory, a loader that was killed
    std::string digest = {};                // of the content, empty: none was read
    std::vector<std::string> vanished = {}; // databases that are missing: the reason
    bool crashed = false;                   // the loader died, probably of what it loaded
};

} // namespace evermilter::supervisor
