// The configuration read again and taken over, or refused with the reason and nothing changed. What a change needs
// is in the schema: the supervisor takes it at once; new session workers; a new generation; or a restart, which is
// refused here. First all is done that can fail, in this order: the file is read and its names are looked up (by a
// helper), limits are checked, new sockets are bound, an engine is loaded. Then it is taken over, which cannot fail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/config_reader.h"
#include "supervisor/generations/reloads.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/status/operations.h"
#include "supervisor/time_source.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

class ConfigReload {
  public:
    struct Handlers {
        // Reads the file. `done` is called from the loop, never from within this call.
        std::function<void(std::function<void(Result<ReadConfig>)> done)> read;
        // Binds what is new, and takes nobody there. An Error: nothing was bound.
        std::function<Result<void>(const std::vector<SocketGroup>& bound)> prepare;
        // Of what was prepared nothing stays.
        std::function<void()> abandon;
        // Settings, what was prepared, workers.
        std::function<void(const Settings& settings, bool new_session_workers)> commit;
    };

    ConfigReload(TimeSource& time, const Settings& settings, const State& state, Reloads& reloads, Handlers handlers);

    // `then_reload`: a reload of the database follows where the configuration itself needed none, also after a
    // refusal (SIGHUP). Requests during one that is under way are answered by one that follows.
    void request(bool then_reload, ReloadCallback done);

  private:
    struct Request {
        bool then_reload = false;
        ReloadCallback done;
    };

    void begin();
    void judge(ReadConfig read);
    void refuse(const std::string& error);
    void answer_refusal(const std::string& error);
    void take_over(const Settings& candidate, std::vector<config::Change> changes, bool new_session_workers,
                   bool loaded, const std::vector<std::string>& warnings = {});
    void finish(ReloadOutcome outcome, bool loaded);

    TimeSource& time_;
    const Settings& settings_;
    const State& state_;
    Reloads& reloads_;
    Handlers handlers_;
    std::vector<Request> waiting_;
    std::vector<Request> running_; // not empty: one is under way
    Moment since_{};               // when it began
};

} // namespace evermilter::supervisor
