// What the generations ask of processes: starting, signalling and reaping loaders, standbys and scanners, and sending
// them and session workers messages. An interface, so that the switch can be tested without processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "supervisor/generations/generation.h"
#include "supervisor/privileges.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/to_loader.h"
#include "workers/common/ipc/to_session.h"

namespace evermilter::supervisor {

class GenerationProcesses {
  public:
    // What the kernel says of a pid that a child of ours calls a child of its own.
    enum class Kin : std::uint8_t {
        forked,   // by it; also where it has died meanwhile and the process is ours now
        stranger, // by somebody else
        ended,    // there is no such process any more
    };

    GenerationProcesses() = default;
    GenerationProcesses(const GenerationProcesses&) = delete;
    GenerationProcesses& operator=(const GenerationProcesses&) = delete;
    GenerationProcesses(GenerationProcesses&&) = delete;
    GenerationProcesses& operator=(GenerationProcesses&&) = delete;
    virtual ~GenerationProcesses() = default;

    // Fills in `loader`, whose address must stay.
    [[nodiscard]] virtual Result<void> start_loader(LoaderChild& loader, const Identities& identities) = 0;
    // The other end of the channel of a standby that a loader will fork. `standby` has no pid until forked(); one that
    // never came is given up by ended().
    [[nodiscard]] virtual Result<unique_fd> expect_standby(Child& standby) = 0;
    virtual void forked(Child& standby, pid_t pid) = 0;
    // Reaped by its parent, or never forked: Generations::on_standby_exit follows.
    virtual void ended(Child& standby, int wait_status) = 0;
    // Gathers what it has said. False: its channel has ended.
    [[nodiscard]] virtual bool hear(Child& child) = 0;
    // It says that it is ready. False: this has no place in its state; it was killed.
    [[nodiscard]] virtual bool became_ready(Child& loader) = 0;
    // SIGKILL, unless it is reaped or was killed already.
    virtual void kill(Child& child, const std::string& reason) = 0;

    [[nodiscard]] virtual Kin kin(const Child& parent, std::int64_t pid) const = 0;
    // A process that a dead child of ours left behind: ours now, and no other of ours.
    [[nodiscard]] virtual bool is_orphan(pid_t pid) const = 0;
    virtual void kill_orphan(pid_t pid) = 0;
    // A child of a child is ours, because its parent has died.
    [[nodiscard]] virtual bool inherited(const Child& child) const = 0;
    // Its end is still to come: its record must stay.
    [[nodiscard]] virtual bool watches(const Child& child) const = 0;
    // When memory runs out the kernel ends a scanner before anything else of ours.
    virtual void prefer_for_oom(pid_t scanner) = 0;

    // Sent or kept. A child that does not read is killed.
    virtual void send_to_loader(LoaderChild& loader, messages::ToLoader message) = 0;
    virtual void send_to_session(SessionChild& worker, messages::ToSession message) = 0;
};

// All of the generation's: nobody takes over. Scanners follow when their loader is reaped.
void kill_all(GenerationProcesses& processes, Generation& generation, const std::string& reason);

} // namespace evermilter::supervisor
