// Looks once a second at each generation's queue and scanners, and has those replaced that serve nothing while messages
// wait (idle_scanners.h). Costs one ioctl a second and generation.
#pragma once

#include <cstdint>
#include <map>

#include "supervisor/generations/generations.h"
#include "supervisor/generations/idle_scanners.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class ServingWatch {
  public:
    ServingWatch(Loop* loop, State& state, Generations& generations);

    void start();

  private:
    void look();
    void look_at(Generation& generation);

    State& state_;
    Generations& generations_;
    std::map<std::uint64_t, IdleScanners> judges_; // by generation
    TimerWatcher timer_;
};

} // namespace evermilter::supervisor
