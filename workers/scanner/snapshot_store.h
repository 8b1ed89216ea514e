// The snapshots under database.state_directory: "snapshots/N" of generations that were proven, ".loading-N" of one
// that is not (yet). A loader holds a lock on the folder that its engine came from as long as it lives, so that
// nobody removes what a living generation may be asked for again.
#pragma once

#include <cstdint>
#include <string>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/shared/snapshot_about.h"
#include "workers/common/shared/snapshot_paths.h"
#include "workers/scanner/refusal.h"

namespace evermilter::scanner {

class SnapshotStore {
  public:
    explicit SnapshotStore(const std::string& state_directory) : folder_(snapshots_folder(state_directory)) {}

    // Makes and locks the empty folder for `generation`, after removing what dead loaders left half done.
    [[nodiscard]] Result<std::string, Refusal> begin(std::uint64_t generation);
    // Locks a folder that exists (rollback).
    [[nodiscard]] Result<std::string, Refusal> reuse(const std::string& path);
    // The snapshot begun is proven: gives it its final name, which is returned. A reused one keeps its own.
    // What is known of it goes with it; where that cannot be written it is only logged.
    [[nodiscard]] Result<std::string, Refusal> publish(const SnapshotAbout& about);
    // The load was refused: removes the snapshot begun. Does nothing for a reused one.
    void discard() noexcept;

    // The same for the process that ends while another thread is between begin() and publish(): by path only. What
    // that thread still writes is removed before the next snapshot.
    void abandon(std::uint64_t generation) const noexcept;

    // The descriptor that holds the lock; -1 before begin() or reuse(). A standby holds it too.
    [[nodiscard]] int lock() const noexcept { return lock_.get(); }

    // Removes all but the newest `keep` of those that no living loader holds, and of two with the same content the
    // older: loads of one content do not push out what a rollback needs. Errors are for the log only.
    [[nodiscard]] Result<void> prune(std::uint32_t keep) const;

  private:
    [[nodiscard]] std::string loading_folder(std::uint64_t generation) const;

    std::string folder_;
    std::string begun_; // the folder of begin(), empty otherwise
    std::uint64_t generation_ = 0;
    std::string reused_;
    unique_fd lock_;
};

} // namespace evermilter::scanner
