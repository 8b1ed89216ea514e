// The engines that the children of a supervisor that was killed still hold. The first load waits until they are gone,
// because two of them and a third would be in memory, and the status says why it waits. They end on their own (session
// workers within timeouts.shutdown, then loaders); where they do not, and only one engine is left, the load begins all
// the same.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/time_source.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

class LeftoverEngines {
  public:
    struct Handlers {
        std::function<Result<std::vector<std::uint64_t>>()>
            locked;                                         // the generations whose engine is in memory, ascending
        std::function<void()> gone;                         // the wait is over
        std::function<void(std::uint64_t generation)> wipe; // what its scanners have left
    };

    // `gone` and `wipe` are called from the loop.
    LeftoverEngines(TimeSource& time, State& state, const Settings& settings, Handlers handlers);

    // Before the first load. Keeps State::waits_for as long as it has to wait; not at all if nothing is left.
    void look();
    void stop() { timer_->stop(); }

  private:
    void show(const std::vector<std::uint64_t>& locked);

    TimeSource& time_;
    State& state_;
    const Settings& settings_;
    Handlers handlers_;
    std::optional<Moment> since_;
    std::vector<std::uint64_t> known_; // at the last look
    std::set<std::uint64_t> seen_;     // all that were ever known
    std::unique_ptr<Timer> timer_;
};

} // namespace evermilter::supervisor
