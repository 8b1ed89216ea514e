// The load of one generation, from the directory to a compiled engine: its id on disk, snapshot, comparison with what
// is active, load, compile. Runs in a thread of its own (see Loader) and touches nothing that another thread has.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "workers/scanner/libclamav/engine.h"
#include "workers/scanner/memory/need.h"
#include "workers/scanner/refusal.h"
#include "workers/scanner/snapshot.h"
#include "workers/scanner/snapshot_store.h"

namespace evermilter::scanner {

struct LoadOrder {
    config::Config config;
    std::uint64_t generation = 0;
    bool force = false;
    std::string reuse_snapshot; // empty: a new one
    std::string active_digest;  // of the directory as it was for what serves now; empty when nothing does
    std::uint64_t active_signatures = 0;
    std::vector<std::string> active_databases;
    std::string active_snapshot;
    std::vector<std::string> may_vanish; // databases that are missing for long enough to be given up
    bool check_files = false;            // third-party files that have changed are tried alone first
    ActiveEngine active_engine;
    std::string temp_directory;       // the loader's own, made here
    std::function<void()> await_room; // not empty: returns when no other engine is in memory
};

struct Loaded {
    Engine engine;
    Snapshot snapshot;
    std::string database_version; // in the form of clamd's VERSION, empty without a daily database
    std::int64_t database_time = 0;
    std::uint64_t engine_bytes = 0;    // private memory that load and compilation took
    std::uint64_t expected_bytes = 0;  // expected_engine() of the snapshot
    std::string source_digest;         // of the directory; that of the snapshot where nothing was repaired
    std::vector<std::string> broken;   // texts of FileRepair
    std::vector<std::string> vanished; // databases of what serves now that are given up
    std::string books;                 // not empty: the generation's id could not be recorded, and why
};

// Instead of a Loaded: nullopt where the directory is what serves already.
using LoadEnd = Result<std::optional<Loaded>, Refusal>;

// `store` has begun or reused nothing yet; after an end other than a Loaded the caller discards it.
// `progress` is called with each step ("snapshot", "load", "compile") from this thread.
[[nodiscard]] LoadEnd load(const LoadOrder& order, SnapshotStore& store,
                           const std::function<void(const char*)>& progress);

// What a new generation must show before it is loaded or after: no database of the active one vanished (66) but those
// that are given up, which are returned; not fewer than min_ratio of its signatures (65).
[[nodiscard]] Result<std::vector<std::string>, Refusal> check_databases(const std::vector<std::string>& active,
                                                                        const std::vector<std::string>& found,
                                                                        const std::vector<std::string>& given_up);
[[nodiscard]] Result<void, Refusal> check_signatures(std::uint64_t active, std::uint64_t found, double min_ratio);

} // namespace evermilter::scanner
