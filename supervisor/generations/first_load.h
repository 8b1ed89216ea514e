// The time before the first generation: while the databases are not there yet, or not whole (freshclam's first run, a
// disk that is full or not mounted), the service is up, answers ends of messages with the reason, and loads again and
// again until it can. Nothing here waits.
#pragma once

#include <functional>
#include <random>
#include <string>

#include "supervisor/children/restart_policy.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class FirstLoad {
  public:
    struct Handlers {
        std::function<void()> load;                           // asks for the first load, again
        std::function<void(const std::string& why)> unserved; // no message can be scanned for the time being
    };

    FirstLoad(Loop* loop, State& state, Handlers handlers);

    // The load was refused, and no snapshot of before could be loaded.
    void refused(const std::string& error);
    // A generation is active: all of this is over.
    void active();
    void stop() { again_.stop(); }

  private:
    State& state_;
    Handlers handlers_;
    RestartPolicy policy_;
    std::minstd_rand random_;
    TimerWatcher again_;
};

} // namespace evermilter::supervisor
