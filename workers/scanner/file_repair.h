// Broken third-party files in a snapshot that is to be loaded: each is replaced by its last good version, from the
// newest snapshot that has another than this one, or left out where there is none. What libclamav's publisher signs
// (main, daily, bytecode) is never touched: with one of these broken the load is refused. Runs in the load's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "workers/scanner/refusal.h"

namespace evermilter::scanner {

class FileRepair {
  public:
    struct StatusContext {
        config::Scanner scanner;
        std::string folder;                 // the snapshot
        std::string shown_as;               // the directory that the operator knows
        std::string temp_directory;         // of the load
        std::vector<std::string> snapshots; // folders with good versions, best first
    };

    explicit FileRepair(StatusContext around) : around_(std::move(around)) {}

    // A load of the folder was refused. True: something was done, and another may succeed.
    [[nodiscard]] bool after(const Refusal& refusal);
    // The file could not be read, and is not in the folder.
    void unread(const std::string& name, const std::string& reason);
    // Before a load: those that have changed are tried alone. True: something was done.
    bool try_changed();

    // One line for operators for each file that is not as the directory has it.
    [[nodiscard]] std::vector<std::string> texts() const;
    // Their names.
    [[nodiscard]] std::vector<std::string> names() const;

  private:
    struct Repaired {
        std::string name;
        std::string reason;
        std::string instead; // the generation whose version is used; empty: none is
    };

    [[nodiscard]] Result<std::uint64_t, Refusal> try_alone(const std::string& name) const;
    void repair(const std::string& name, const std::string& reason);
    [[nodiscard]] std::string good_version(const std::string& name) const;
    [[nodiscard]] bool changed(const std::string& name) const;

    StatusContext around_;
    std::vector<Repaired> repaired_;
};

// Folders of proven snapshots below `state_directory`, newest first, `first` before all others.
[[nodiscard]] std::vector<std::string> good_snapshots(const std::string& state_directory, const std::string& first);

} // namespace evermilter::scanner
