// The engines that the children of a supervisor that was killed still hold: the first load waits until they are gone,
// because two of them and a third would be in memory, and says why it waits. They end by themselves (session workers
// within timeouts.shutdown, then loaders); where they do not, and one engine only is left, the load begins beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class LeftoverEngines {
  public:
    struct Handlers {
        std::function<void()> gone;                         // the wait is over
        std::function<void(std::uint64_t generation)> wipe; // what its scanners have left
    };

    // They are called from the loop.
    LeftoverEngines(Loop* loop, State& state, const Settings& settings, Handlers handlers);

    // Keeps State::waits_for as long as the first load has to wait, not at all if nobody is left. Before the first
    // load.
    void look();
    void stop() { timer_.stop(); }

  private:
    State& state_;
    const Settings& settings_;
    Handlers handlers_;
    std::int64_t since_ns_ = 0;
    std::vector<std::uint64_t> known_;
    std::set<std::uint64_t> seen_; // all that were ever known
    TimerWatcher timer_;
};

} // namespace evermilter::supervisor
