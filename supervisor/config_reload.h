// The configuration read again and taken over, or refused with the reason and nothing changed. What a change needs
// is in the schema: the supervisor takes it at once; new session workers; a new generation, whose load must succeed
// first; or a restart, which is refused here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/operations.h"
#include "supervisor/reloads.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/result.h"

namespace evermilter::supervisor {

class ConfigReload {
  public:
    // Takes settings over: listeners, workers. An Error: nothing has changed.
    using Take = std::function<Result<void>(const Settings& settings, bool new_session_workers)>;

    ConfigReload(const Settings& settings, const State& state, Reloads& reloads, Take take);

    // `then_reload`: a reload of the database follows where the configuration itself needed none, also after a
    // refusal (SIGHUP). Requests during one that waits for its load are answered by one that follows.
    void request(bool then_reload, ReloadCallback done);

  private:
    struct Request {
        bool then_reload = false;
        ReloadCallback done;
    };

    void begin();
    void refuse(const std::string& error);
    void take_over(const Settings& candidate, bool new_session_workers, bool loaded);
    void finish(ReloadOutcome outcome, bool loaded);

    const Settings& settings_;
    const State& state_;
    Reloads& reloads_;
    Take take_;
    std::vector<Request> waiting_;
    std::vector<Request> running_; // not empty: one is under way
    std::int64_t since_ns_ = 0;    // CLOCK_MONOTONIC at which it began
};

} // namespace evermilter::supervisor
