// The scanners of a generation, as its loader reports them: which there are, which hang, whether those that died are
// replaced, and whether they serve. Where they cannot be forked, or die without a message finished between them, the
// service is degraded. Scanners that take nothing while messages wait are replaced, then their loader, then the
// generation (idle_scanners.h): look() is for a call a second, and costs one ioctl a generation.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "supervisor/front/log_limit.h"
#include "supervisor/generations/generation.h"
#include "supervisor/generations/generation_processes.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/time_source.h"

namespace evermilter::supervisor {

class ScannerHealth {
  public:
    struct Handlers {
        std::function<void()> changed; // the service's state may be another
        // A scan could not write to the scanners' temp directory.
        std::function<void(const std::string& how)> temp_failed;
    };

    ScannerHealth(TimeSource& time, State& state, GenerationProcesses& processes, const Settings& settings,
                  Handlers handlers);

    void on_started(Generation& generation, const messages::ScannerStarted& started);
    void on_ended(Generation& generation, const messages::ScannerEnded& ended);
    void on_overdue(const messages::ScannerOverdue& overdue);
    // A scanner whose loader is dead was reaped. The generation that it was of, or nullptr.
    Generation* on_orphan_reaped(pid_t pid, int wait_status);
    // The loader is dead: scanners that ended before it are reaped by it, those that it had no time to report are
    // found.
    void loader_died(Generation& generation);

    // Whether scanners serve.
    void look();
    // Whether those that died one after another still do, if it is time to check.
    void tick(Generation& generation);
    [[nodiscard]] static std::optional<Moment> due(const Generation& generation) { return generation.trouble.look; }

  private:
    void temp_failed(const Generation& generation, pid_t scanner);
    void look_at(Generation& generation);
    void heal(Generation& generation, Remedy remedy);
    void healed(Generation& generation);

    TimeSource& time_;
    State& state_;
    GenerationProcesses& processes_;
    const Settings& settings_;
    Handlers handlers_;
    LogLimit temp_log_limit_;
};

} // namespace evermilter::supervisor
