// reload.splay: new databases reach many machines at the same moment. Each lets a while of its own pass before it loads
// them, so that not all are busy with a load at once. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/status/operations.h"
#include "supervisor/time_source.h"

namespace evermilter::supervisor {

class ReloadSplay {
  public:
    using Reload = std::function<void(const ReloadRequest& request, ReloadCallback done)>;

    // Keeps State::reload_due. `reload` is called from within ask() and stop(), or from the loop.
    ReloadSplay(TimeSource& time, State& state, const Settings& settings, Reload reload);

    // A reload that nobody decided to do now: done after a part of reload.splay that chance chooses; at once where
    // signatures are missing or stale, because then mail suffers. What comes while one waits is done with it. `done`
    // may be empty: nobody waits for the answer.
    void ask(const ReloadRequest& request, ReloadCallback done);
    // The configuration has changed: what waits, waits no longer than reload.splay from now.
    void apply();
    // Whoever waits has the reload asked for now.
    void stop();

  private:
    struct Waiting {
        ReloadRequest request;
        ReloadCallback done;
    };

    void put_off(std::chrono::nanoseconds pause);

    TimeSource& time_;
    State& state_;
    const Settings& settings_;
    const Reload reload_;
    std::vector<Waiting> waiting_;
    Moment due_{0}; // of what waits
    const std::unique_ptr<Timer> timer_;
};

} // namespace evermilter::supervisor
