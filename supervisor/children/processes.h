// Processes as the kernel knows them: forked with their binary, found dead, reaped, killed, and whose children they
// are. Owns the descriptors of the binaries, opened at the start, so that an upgrade of the package on disk never mixes
// versions. An interface, because tests of Children have no processes.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "supervisor/privileges.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/protocol.h"

namespace evermilter::supervisor {

class Processes {
  public:
    Processes() = default;
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;
    virtual ~Processes() = default;

    // Forks and executes the binary of `role` as its user, with `channel` as its channel. The pid.
    [[nodiscard]] virtual Result<pid_t> start(messages::Role role, const Identities& identities, int channel) = 0;
    // SIGKILL. Only for a process that is not reaped.
    virtual void kill(pid_t pid) = 0;
    // A child of ours that has died and is not reaped; 0: there is none.
    [[nodiscard]] virtual pid_t find_dead() = 0;
    // Its wait status.
    [[nodiscard]] virtual int reap(pid_t pid) = 0;
    // -1: there is no such process; 0: it is the first one of all.
    [[nodiscard]] virtual pid_t parent_of(pid_t pid) const = 0;
    [[nodiscard]] virtual pid_t own_pid() const = 0;
};

class SystemProcesses final : public Processes {
  public:
    // Opens the binaries of all roles, beside our own binary or else in libexec, and makes this process the reaper of
    // its descendants.
    [[nodiscard]] Result<void> open_binaries();
    // Where the standard error of children goes: ours (default) or nowhere (a daemon).
    void silence_children() noexcept { silent_ = true; }

    [[nodiscard]] Result<pid_t> start(messages::Role role, const Identities& identities, int channel) override;
    void kill(pid_t pid) override;
    [[nodiscard]] pid_t find_dead() override;
    [[nodiscard]] int reap(pid_t pid) override;
    [[nodiscard]] pid_t parent_of(pid_t pid) const override;
    [[nodiscard]] pid_t own_pid() const override;

  private:
    std::map<std::string, unique_fd> binaries_; // by name
    unique_fd null_;
    bool silent_ = false;
};

} // namespace evermilter::supervisor
