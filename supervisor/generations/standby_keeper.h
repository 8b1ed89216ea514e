// The standby of a generation's loader, as the supervisor sees it: a channel for it goes to the loader, which forks it
// and reports; when the loader is dead, the standby becomes the loader, with those of the scanners that live, and
// nothing is loaded again. One that has died is asked for again, with a growing delay while they die young.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "supervisor/generations/generation.h"
#include "supervisor/generations/generation_processes.h"
#include "supervisor/state.h"
#include "supervisor/time_source.h"

namespace evermilter::supervisor {

class StandbyKeeper {
  public:
    // `changed`: the service's state may be another.
    StandbyKeeper(TimeSource& time, State& state, GenerationProcesses& processes, std::function<void()> changed);

    // The channel for the first standby of a loader that is being started, or for the next one of a loader that takes
    // over. Empty: there is none, it is asked for later.
    [[nodiscard]] unique_fd channel(Generation& generation);
    void on_started(Generation& generation, const messages::StandbyStarted& started);
    void on_ended(Generation& generation, const messages::StandbyEnded& ended);
    // Reaped, by the loader or, when that is dead, by us; or never forked (pid 0).
    void on_exit(Generation& generation, pid_t pid, int wait_status);
    // The loader is dead. False: there is nobody who could be the loader.
    [[nodiscard]] bool take_over(Generation& generation);

    // Asks for another one if it is time.
    void tick(Generation& generation);
    [[nodiscard]] static std::optional<Moment> due(const Generation& generation);

  private:
    void failed(Generation& generation, const std::string& reason);

    TimeSource& time_;
    State& state_;
    GenerationProcesses& processes_;
    std::function<void()> changed_;
};

} // namespace evermilter::supervisor
