// Watches the folders that we write to while the service runs. People and cleaning programs remove them, fill them or
// replace them. Folders checks them every few seconds and whenever a child has failed there, makes a missing one again
// with the right owner and mode, and keeps what time or an administrator must mend in State::troubles until it is
// mended. Only a trial shows whether a user can write there (quota, rights, space): while in doubt, a forked child that
// has become that user tries. Nothing here waits.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "supervisor/preflight.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"

namespace evermilter::supervisor {

class Folders {
  public:
    struct Handlers {
        std::function<void()> changed;    // State::troubles
        std::function<void()> state_made; // the state directory was replaced: locks taken in the old one are void
    };

    Folders(State& state, const Settings& settings, Handlers handlers);
    ~Folders();
    Folders(const Folders&) = delete;
    Folders& operator=(const Folders&) = delete;

    // Starts watching. prepare_folders() has just prepared them.
    void begin(FolderLocks locks);
    // Every few seconds.
    void look();
    // A child could not write there: check the folder now, and report trouble for some seconds whatever is found.
    void failed(FolderUse use, const std::string& how);
    // False: `pid` is no child of ours.
    [[nodiscard]] bool on_reaped(pid_t pid, int wait_status);
    void stop();

  private:
    struct Known {
        FolderOrder order;
        struct stat as {};           // which it is, and with what owner and mode it was well or is to be
        bool was_well = false;       // this very folder was usable, not only a predecessor at the same path
        unique_fd lock;              // of the folder that is there
        std::string how;             // the failure that a child reported
        std::int64_t failed_ns = 0;  // CLOCK_MONOTONIC of that; 0: nothing
        std::int64_t trouble_ns = 0; // since when it is in trouble; 0: it is not
        pid_t trying = 0;
        std::int64_t tried_ns = 0;
    };

    void look_at(Known& folder);
    [[nodiscard]] bool take(Known& folder, const struct stat& now);
    void make(Known& folder);
    [[nodiscard]] bool mend(Known& folder);
    void try_it(Known& folder);
    void tried(Known& folder, int error);
    void trouble(Known& folder, const std::string& reason);
    void well(Known& folder);

    State& state_;
    const Settings& settings_;
    Handlers handlers_;
    std::array<Known, kFolderUses> all_;
};

} // namespace evermilter::supervisor
